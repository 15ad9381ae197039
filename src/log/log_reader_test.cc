// Reading a log without its lock: on a folder at rest, beside a log that is written, and on one
// that is hurt.
#include "log/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/simulated_file_system.h"
#include "log/damage.h"
#include "log/log_test_support.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;
using Step = LogReader::Step;

const std::string kFolder = "/data/log";

struct Seen {
  std::vector<OwnedUnit> units;
  uint64_t segments = 0;
  LogReader::Tail tail;
};

/// All units of the groups that `reader` still gives.
Result<Seen> read_all(LogReader& reader) {
  Seen seen;
  while (true) {
    RSTMDB_ASSIGN(const Step step, reader.next());
    if (step == Step::kEnd) break;
    if (step == Step::kSegment) {
      ++seen.segments;
      continue;
    }
    const auto damaged = [&](uint64_t at) { return log_damaged(reader.path(), at, "a unit"); };
    RSTMDB_TRY(for_each_unit(reader.group_body(), reader.group(), damaged,
                             [&](const Unit& unit, uint64_t) -> Result<void> {
                               seen.units.push_back(
                                   {unit.first_offset, unit.record_count, std::string(unit.bytes)});
                               return {};
                             }));
  }
  seen.tail = reader.tail();
  return seen;
}

Result<Seen> read_folder(io::FileSystem& files, Offset from = 0) {
  RSTMDB_ASSIGN(LogReader reader, LogReader::open(files, kFolder, from));
  return read_all(reader);
}

std::string segment_path(Offset first) { return kFolder + "/" + segment_name(first); }

/// Appends units of `records` records, one group each.
void write_groups(SegmentLog& log, int count, uint32_t records = 1) {
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(append_one(log, records, 40).ok());
    log.flush();
  }
}

class LogReaderTest : public testing::Test {
 protected:
  LogReaderTest() { bench.segment_bytes = 700; }

  std::vector<Offset> segment_offsets() {
    return segments_among(kFolder, files.list(kFolder).value()).value();
  }

  SimulatedFileSystem files;
  LogBench bench{files, kFolder};
};

TEST_F(LogReaderTest, gives_what_a_cursor_gives_and_changes_nothing) {
  auto log = bench.open_well();
  write_groups(*log, 30, 2);
  const auto all = read_units(*log).value();
  const uint64_t writes = files.calls(SimulatedFileSystem::Call::kWrite);
  const auto seen = read_folder(files);
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_EQ(seen->units, all);
  EXPECT_GT(seen->segments, 3u);
  EXPECT_FALSE(seen->tail.closed);
  EXPECT_EQ(seen->tail.unknown_bytes, 0u);
  ASSERT_TRUE(log->close().ok());
  const auto closed = read_folder(files);
  ASSERT_TRUE(closed.ok());
  EXPECT_EQ(closed->units, all);
  EXPECT_TRUE(closed->tail.closed);
  EXPECT_GT(files.calls(SimulatedFileSystem::Call::kWrite), writes);  // the mark, by the log
  const uint64_t after = files.calls(SimulatedFileSystem::Call::kWrite);
  ASSERT_TRUE(read_folder(files).ok());
  EXPECT_EQ(files.calls(SimulatedFileSystem::Call::kWrite), after);
  EXPECT_EQ(files.calls(SimulatedFileSystem::Call::kTruncate), 0u);
}

TEST_F(LogReaderTest, begins_with_the_segment_that_holds_the_offset) {
  auto log = bench.open_well();
  write_groups(*log, 30);
  const auto offsets = segment_offsets();
  ASSERT_GT(offsets.size(), 3u);
  for (const Offset from : {offsets[2], offsets[3] - 1}) {
    const auto seen = read_folder(files, from);
    ASSERT_TRUE(seen.ok());
    EXPECT_EQ(seen->units.front().first_offset, offsets[2]);
    EXPECT_EQ(seen->units.back().first_offset, 30u);
  }
}

TEST_F(LogReaderTest, a_group_that_is_half_written_ends_the_log_and_is_no_damage) {
  bench.segment_bytes = 1 << 20;
  auto log = bench.open_well();
  write_groups(*log, 4);
  const std::string path = segment_path(segment_offsets().back());
  const std::string before = files.content(path);
  write_groups(*log, 1);
  log.reset();
  const std::string whole = files.content(path);
  ASSERT_GT(whole.size(), before.size());
  for (size_t size = before.size(); size < whole.size(); ++size) {
    files.put(path, whole.substr(0, size));
    const auto seen = read_folder(files);
    ASSERT_TRUE(seen.ok()) << seen.error().to_string();
    EXPECT_EQ(seen->units.size(), 4u);
    EXPECT_LE(seen->tail.unknown_bytes, size - before.size());
  }
}

TEST_F(LogReaderTest, what_is_written_while_it_reads_is_seen) {
  bench.segment_bytes = 1 << 20;
  auto log = bench.open_well();
  write_groups(*log, 2);
  auto reader = LogReader::open(files, kFolder, 0);
  ASSERT_TRUE(reader.ok());
  size_t groups = 0;
  while (true) {
    const auto step = reader->next();
    ASSERT_TRUE(step.ok()) << step.error().to_string();
    if (*step == Step::kEnd) break;
    if (*step == Step::kGroup) ++groups;
    // The reader has what it opened in its window by now: these come after it.
    if (groups == 2 && log->next_offset() < 6) write_groups(*log, 3);
  }
  EXPECT_EQ(groups, 1u + 5u);  // the mark of the opening, and each write
}

TEST_F(LogReaderTest, a_group_that_was_half_written_when_it_was_read_is_read_again) {
  bench.segment_bytes = 1 << 20;
  auto log = bench.open_well();
  write_groups(*log, 3);
  log.reset();
  const std::string path = segment_path(1);
  const std::string whole = files.content(path);
  const size_t second_last = whole.rfind(kGroupMagic, whole.rfind(kGroupMagic) - 1);
  // The first two looks find a hole where the group before the last is being written; its
  // successor, which says that the hole is on disk, is there already.
  std::string hole = whole;
  std::fill(hole.begin() + static_cast<ptrdiff_t>(second_last) + 70,
            hole.begin() + static_cast<ptrdiff_t>(second_last) + 80, '\0');
  files.put(path, hole);
  int reads = 0;
  files.before_each_call([&](SimulatedFileSystem::Call call, const std::string&) {
    if (call == SimulatedFileSystem::Call::kRead) ++reads;
  });
  auto refused = read_folder(files);
  ASSERT_FALSE(refused.ok());  // it stays: damage
  EXPECT_EQ(refused.error().detail("code"), kLogDamaged);
  EXPECT_EQ(refused.error().detail_number("byte", -1), static_cast<int64_t>(second_last));
  EXPECT_GE(reads, 4);
  auto reader = LogReader::open(files, kFolder, 0);
  ASSERT_TRUE(reader.ok());
  bool mended = false;
  size_t groups = 0;
  while (true) {
    const auto step = reader->next();
    ASSERT_TRUE(step.ok()) << step.error().to_string();
    if (*step == Step::kEnd) break;
    if (*step == Step::kGroup) ++groups;
    if (groups == 2 && !mended) {  // the hole has been read into the window
      // put() replaces the content that the open file shows.
      files.put(path, whole);
      mended = true;
    }
  }
  EXPECT_EQ(groups, 4u);
}

TEST_F(LogReaderTest, segments_trimmed_after_the_opening_stay_readable) {
  auto log = bench.open_well();
  write_groups(*log, 30);
  auto reader = LogReader::open(files, kFolder, 0);
  ASSERT_TRUE(reader.ok());
  const auto trimmed = trim_now(*log, 20, [this] {
    bench.worker.run_jobs();
    bench.loop.run_posted();
  });
  ASSERT_TRUE(trimmed.ok());
  ASSERT_GT(trimmed->segments_removed, 0u);
  const auto seen = read_all(*reader);
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_EQ(seen->units.size(), 30u);
  const auto rest = read_folder(files);
  ASSERT_TRUE(rest.ok());
  EXPECT_LE(rest->units.front().first_offset, 20u);
  EXPECT_GT(rest->units.front().first_offset, 1u);
}

TEST_F(LogReaderTest, a_segment_that_goes_between_listing_and_opening_means_another_look) {
  auto log = bench.open_well();
  write_groups(*log, 30);
  int opens = 0;
  files.before_each_call([&](SimulatedFileSystem::Call call, const std::string&) {
    if (call == SimulatedFileSystem::Call::kOpen) ++opens;
  });
  files.inject({.call = SimulatedFileSystem::Call::kOpen, .nth = 2, .error_number = 2});
  const auto seen = read_folder(files);
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_EQ(seen->units.size(), 30u);
  EXPECT_EQ(opens, 2 + static_cast<int>(segment_offsets().size()));
}

TEST_F(LogReaderTest, a_damaged_segment_is_named_and_the_ones_behind_it_can_be_read) {
  auto log = bench.open_well();
  write_groups(*log, 30);
  log.reset();
  const auto offsets = segment_offsets();
  const std::string path = segment_path(offsets[1]);
  std::string bytes = files.content(path);
  bytes[kSegmentHeaderBytes + 70] ^= 1;
  files.put(path, bytes);
  auto reader = LogReader::open(files, kFolder, 0);
  ASSERT_TRUE(reader.ok());
  const auto refused = read_all(*reader);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("file"), path);
  EXPECT_EQ(refused.error().detail_number("byte", -1), static_cast<int64_t>(kSegmentHeaderBytes));
  ASSERT_TRUE(reader->skip_segment());
  const auto rest = read_all(*reader);
  ASSERT_TRUE(rest.ok()) << rest.error().to_string();
  EXPECT_EQ(rest->units.front().first_offset, offsets[2]);
  EXPECT_EQ(rest->units.back().first_offset, 30u);
  EXPECT_EQ(reader->bytes_done(), reader->total_bytes());
  EXPECT_FALSE(reader->skip_segment());
}

TEST_F(LogReaderTest, a_unit_with_a_wrong_checksum_in_a_group_with_a_right_one_is_refused) {
  GroupHeader header{.first_offset = 5};
  std::string body;
  append_unit(body, {5, 1, "first"});
  const uint64_t second = body.size();
  append_unit(body, {6, 2, "second"});
  std::vector<Offset> visited;
  const auto visit = [&](const Unit& unit, uint64_t) -> Result<void> {
    visited.push_back(unit.first_offset);
    if (unit.bytes == "stop") return Error(Code::kConflict, "enough");
    return {};
  };
  const auto damaged = [](uint64_t at) { return log_damaged("group", at, "a unit"); };
  EXPECT_TRUE(for_each_unit(body, header, damaged, visit).ok());
  EXPECT_EQ(visited, (std::vector<Offset>{5, 6}));

  visited.clear();
  body.back() ^= 1;
  const auto refused = for_each_unit(body, header, damaged, visit);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail_number("byte", -1), static_cast<int64_t>(second));
  EXPECT_EQ(visited, std::vector<Offset>{5});

  body.clear();
  append_unit(body, {5, 1, "stop"});
  append_unit(body, {6, 1, "more"});
  EXPECT_EQ(for_each_unit(body, header, damaged, visit).error().code(), Code::kConflict);
}

TEST_F(LogReaderTest, a_missing_segment_is_damage_of_its_successor) {
  auto log = bench.open_well();
  write_groups(*log, 30);
  log.reset();
  const auto offsets = segment_offsets();
  files.erase(segment_path(offsets[1]));
  const auto refused = read_folder(files);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("file"), segment_path(offsets[2]));
}

TEST_F(LogReaderTest, a_folder_without_segments_is_empty_and_no_folder_is_an_error) {
  EXPECT_FALSE(read_folder(files).ok());
  ASSERT_TRUE(files.make_folder(kFolder).ok());
  const auto seen = read_folder(files);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->segments, 0u);
}

}  // namespace
}  // namespace rstmdb::log
