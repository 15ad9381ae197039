// The note of a clean end: each thing that it says is compared, and what is no note is refused.
#include "log/end_note.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/simulated_file_system.h"
#include "log/damage.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;

const std::string kFolder = "/data/log";
const std::string kNote = kFolder + "/CLOSED";
const std::string kLast = kFolder + "/00000000000000000001.seg";

DatabaseId database_of(char letter) {
  DatabaseId id;
  id.fill(letter);
  return id;
}

const LogEnd kEnd{.database = database_of('d'),
                  .segment_number = 3,
                  .at = 700,
                  .next_group = 5,
                  .next_offset = 10,
                  .chain = 77};

class EndNote : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_folder(kFolder).ok());
    ASSERT_TRUE(write_end_note(files_, kFolder, kEnd).ok());
  }
  void expect_refused(const std::string& bytes, size_t byte) {
    files_.put(kNote, bytes);
    const auto read = read_end_note(files_, kFolder);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().detail("code"), kLogDamaged);
    EXPECT_EQ(read.error().detail("file"), kNote);
    EXPECT_EQ(read.error().detail_number("byte", -1), static_cast<int64_t>(byte));
  }

  SimulatedFileSystem files_;
};

TEST_F(EndNote, says_what_would_have_come_next) {
  const auto note = read_end_note(files_, kFolder);
  ASSERT_TRUE(note.ok() && *note);
  EXPECT_EQ((*note)->database, kEnd.database);
  EXPECT_EQ((*note)->number, kEnd.segment_number + 1);
  EXPECT_EQ((*note)->first_offset, kEnd.next_offset);
  EXPECT_EQ((*note)->first_group, kEnd.next_group);
  EXPECT_EQ((*note)->chain, kEnd.chain);
}

TEST_F(EndNote, of_another_size_is_none) {
  const std::string good = files_.content(kNote);
  ASSERT_EQ(good.size(), kSegmentHeaderBytes);
  for (size_t size = 0; size < good.size(); ++size) expect_refused(good.substr(0, size), size);
  for (const size_t more : {1u, 2u, 5'000u})
    expect_refused(good + std::string(more, '\0'), kSegmentHeaderBytes + 1);
}

TEST_F(EndNote, with_any_other_bit_is_none) {
  const std::string good = files_.content(kNote);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    expect_refused(bytes, 0);
  }
}

/// What a log that ends at `end` is told by the note of kEnd: "" or the place that is refused.
std::string place_refused(const LogEnd& end, const std::string& last_file = kLast) {
  const SegmentHeader note{.database = kEnd.database,
                           .number = kEnd.segment_number + 1,
                           .first_offset = kEnd.next_offset,
                           .first_group = kEnd.next_group,
                           .chain = kEnd.chain};
  const auto compared = compare_with_end_note(note, kFolder, end, last_file);
  if (compared.ok()) return "";
  EXPECT_EQ(compared.error().detail("code"), kLogDamaged);
  return std::string(compared.error().detail("file")) + " " +
         std::to_string(compared.error().detail_number("byte", -1));
}

TEST_F(EndNote, is_a_lower_bound_of_the_log) {
  EXPECT_EQ(place_refused(kEnd), "");
  LogEnd grown = kEnd;
  grown.next_group += 1;
  grown.chain += 1;
  EXPECT_EQ(place_refused(grown), "") << "a mark without records";
  grown.next_offset += 3;
  EXPECT_EQ(place_refused(grown), "");

  const std::string end_of_last = kLast + " 700";
  LogEnd other = kEnd;
  other.next_group -= 1;
  EXPECT_EQ(place_refused(other), end_of_last) << "a group is missing";
  other.next_offset -= 2;
  EXPECT_EQ(place_refused(other), end_of_last) << "with its records";
  other.next_group = kEnd.next_group + 4;
  EXPECT_EQ(place_refused(other), end_of_last) << "more groups, and records are missing";
  other = kEnd;
  other.chain += 1;
  EXPECT_EQ(place_refused(other), end_of_last) << "as long, with another last group";
}

TEST_F(EndNote, of_another_database_or_without_a_log_is_refused_itself) {
  LogEnd other = kEnd;
  other.database = database_of('e');
  EXPECT_EQ(place_refused(other), kNote + " 16");
  EXPECT_EQ(place_refused(LogEnd{}, ""), kNote + " 0");
}

}  // namespace
}  // namespace rstmdb::log
