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
