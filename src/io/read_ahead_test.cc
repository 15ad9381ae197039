#include "io/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace rstmdb::io {
namespace {

class ReadAheadTest : public ::testing::TestWithParam<Ahead> {};
INSTANTIATE_TEST_SUITE_P(Both, ReadAheadTest, ::testing::Values(Ahead::kInline, Ahead::kThread),
                         [](const auto& how) {
                           return how.param == Ahead::kInline ? "inline" : "thread";
                         });

TEST_P(ReadAheadTest, EveryPieceComesOnceAndInOrderAndThenNone) {
  for (const size_t pieces_max : {2u, 3u, 8u}) {
    constexpr uint64_t kPieces = 20'000;
    uint64_t made = 0;
    ReadAhead<uint64_t> pieces(GetParam(), pieces_max, [&made](uint64_t& piece) {
      if (made == kPieces) return false;
      piece = ++made;
      return true;
    });
    for (uint64_t expected = 1; expected <= kPieces; ++expected) {
      const uint64_t* piece = pieces.next();
      ASSERT_NE(piece, nullptr);
      ASSERT_EQ(*piece, expected);
    }
    EXPECT_EQ(pieces.next(), nullptr);
  }
}

TEST_P(ReadAheadTest, ATakenPieceStaysAsItIsUntilTheNextIsAskedFor) {
  int made = 0;
  ReadAhead<std::string> pieces(GetParam(), 2, [&made](std::string& piece) {
    piece = std::to_string(++made);
    return made <= 3;
  });
  for (const char* expected : {"1", "2", "3"}) {
    const std::string* piece = pieces.next();
    ASSERT_NE(piece, nullptr);
    EXPECT_EQ(*piece, expected);
  }
}

TEST_P(ReadAheadTest, NoMoreAreMadeAheadThanAllowed) {
  std::atomic<uint64_t> made = 0;
  uint64_t taken = 0;
  ReadAhead<uint64_t> pieces(GetParam(), 4, [&made](uint64_t& piece) {
    piece = ++made;
    return true;
  });
  for (; taken < 10'000; ++taken) {
    ASSERT_NE(pieces.next(), nullptr);
    // With the one that is taken, and the one that may be counted while it is being made.
    ASSERT_LE(made, taken + 4);
  }
}

TEST_P(ReadAheadTest, ItCanEndBeforeItsLastPiece) {
  for (int i = 0; i < 500; ++i) {
    ReadAhead<int> pieces(GetParam(), 2, [](int& piece) {
      piece = 1;
      return true;
    });
    for (int taken = 0; taken < i % 4; ++taken) ASSERT_NE(pieces.next(), nullptr);
  }
}

}  // namespace
}  // namespace rstmdb::io
