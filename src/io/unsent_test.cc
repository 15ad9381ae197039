#include "io/unsent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace rstmdb::io {
namespace {

TEST(Unsent, LargeRestsAreNotMovedForEachPiece) {
  constexpr size_t kLarge = 1024 * 1024;
  std::string bytes(kLarge, 'x');
  size_t sent = 0;
  for (size_t left = 3; left < kLarge / 2; left += 3) {
    drop_sent(bytes, sent, 3);
    ASSERT_EQ(sent, left);
    ASSERT_EQ(bytes.size(), kLarge);
  }
  drop_sent(bytes, sent, 16);
  EXPECT_EQ(sent, 0u) << "what has left takes no memory for long";
  EXPECT_LE(bytes.size(), kLarge / 2);
}

TEST(Unsent, SmallRestsStandAtTheFront) {
  std::string bytes = "abcdef";
  size_t sent = 0;
  drop_sent(bytes, sent, 2);
  EXPECT_EQ(bytes, "cdef");
  drop_sent(bytes, sent, 4);
  EXPECT_EQ(bytes, "");
  EXPECT_EQ(sent, 0u);
}

TEST(Unsent, WhatIsSentMakesRoomBeforeMemoryIsTaken) {
  constexpr size_t kEnough = 80 * 1024 - 1;
  constexpr size_t kUnsentMax = 64 * 1024;
  const std::string more(300, 'x');
  std::string bytes;
  size_t sent = 0;
  size_t moves = 0;
  for (size_t turn = 0; turn < 10'000; ++turn) {
    const size_t sent_before = sent;
    make_room(bytes, sent, more.size(), kEnough);
    if (sent != sent_before) ++moves;
    const size_t room = bytes.capacity();
    bytes += more;
    if (bytes.size() > kEnough / 2) {
      ASSERT_EQ(bytes.capacity(), room) << "it need not double";
    }
    ASSERT_LE(bytes.capacity(), kEnough);
    if (bytes.size() - sent >= kUnsentMax) drop_sent(bytes, sent, 300);
  }
  EXPECT_GT(moves, 0u);
  EXPECT_LE(moves, 10'000 * more.size() / (kEnough - kUnsentMax - more.size()) + 1);
}

TEST(Unsent, WhatDoesNotFitGetsAsMuchAsItNeeds) {
  std::string bytes(1'000, 'a');
  size_t sent = 900;
  make_room(bytes, sent, 100'000, 80'000);
  bytes.append(100'000, 'b');
  EXPECT_EQ(bytes.size() - sent, 100'100u);
  EXPECT_EQ(bytes.substr(sent), std::string(100, 'a') + std::string(100'000, 'b'));
}

TEST(Unsent, PiecesOfAnySizeLeaveInOrderWhileMoreIsAdded) {
  std::string bytes;
  std::string added;
  std::string left;
  size_t sent = 0;
  for (size_t i = 0; i < 3'000; ++i) {
    const std::string more(i % 700, static_cast<char>('a' + i % 26));
    bytes += more;
    added += more;
    const size_t taken = std::min(bytes.size() - sent, i * 7919 % (i < 2'000 ? 300 : 900));
    left.append(bytes, sent, taken);
    drop_sent(bytes, sent, taken);
    ASSERT_EQ(bytes.size() - sent, added.size() - left.size());
  }
  left.append(bytes, sent);
  EXPECT_EQ(left, added);
}

}  // namespace
}  // namespace rstmdb::io
