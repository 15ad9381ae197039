// Calls that fail while a log is read: by the start, which has a long torn tail to save, by
// cursors, and by readers beside the server. Each error arrives, and without the fault everything
// is there.
#include <gtest/gtest.h>

#include <cerrno>

#include "io/simulated_file_system.h"
#include "log/damage.h"
#include "log/log_reader.h"
#include "log/log_test_support.h"
#include "log/segment_scan.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;

const std::string kFolder = "/data/log";
constexpr size_t kWindowBytes = 1024 * 1024;

constexpr size_t kClosed = SIZE_MAX;

/// Groups that end at the border of what is read at once, and groups that reach over it; behind
/// them a torn tail of `tail_bytes`, or the mark of a clean end.
std::unique_ptr<SimulatedFileSystem> with_long_segments(size_t tail_bytes) {
  auto files = std::make_unique<SimulatedFileSystem>();
  {
    LogBench bench(*files, kFolder);
    bench.segment_bytes = 3 * kWindowBytes;
    const auto log = bench.open_well();
    const size_t headers = kSegmentHeaderBytes + 2 * kGroupHeaderBytes + kUnitHeaderBytes;
    for (const size_t bytes : {kWindowBytes - headers, size_t{700'000}, size_t{700'000},
                               size_t{700'000}, size_t{50}, size_t{700'000}}) {
      EXPECT_TRUE(append_one(*log, 1, bytes).ok());
      log->flush();
    }
    if (tail_bytes == kClosed) {
      EXPECT_TRUE(log->close().ok());
    }
  }
  files->kill();
  if (tail_bytes == kClosed) return files;
  std::string last;
  for (const std::string& path : files->paths())
    if (path.ends_with(".seg")) last = path;
  files->put(last, files->content(last) + std::string(tail_bytes, 't'));
  return files;
}

TEST(ReadFaults, whichever_call_of_a_start_with_a_torn_tail_fails_the_next_one_has_everything) {
  const auto folder = with_long_segments(5 * kWindowBytes / 2);
  size_t refused = 0;
  for (uint64_t nth = 1;; ++nth) {
    const auto files = folder->clone();
    files->inject({.nth = nth});
    LogBench bench(*files, kFolder);
    const auto opened = bench.open();
    if (files->calls() < nth) break;
    refused += !opened.ok();
    files->kill();
    files->clear_faults();
    LogBench again(*files, kFolder);
    const auto log = again.open_well();
    ASSERT_NE(log, nullptr) << nth;
    ASSERT_EQ(log->committed(), 6u) << nth;
    ASSERT_EQ(read_units(*log)->size(), 6u) << nth;
  }
  EXPECT_GT(refused, 20u);
}

TEST(ReadFaults, starts_that_have_no_room_for_a_torn_tail_leave_nothing_of_it_behind) {
  const auto files = with_long_segments(5 * kWindowBytes / 2);
  const auto paths = files->paths();
  LogBench bench(*files, kFolder);
  for (int start = 0; start < 3; ++start) {
    files->inject({.call = Call::kWrite, .nth = 2, .error_number = ENOSPC});
    const auto opened = bench.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().detail_number("errno", 0), ENOSPC);
    files->clear_faults();
    EXPECT_EQ(files->paths(), paths);
  }
}

TEST(ReadFaults, whichever_call_of_a_cursor_fails_it_says_so) {
  const auto files = with_long_segments(0);
  LogBench bench(*files, kFolder);
  const auto log = bench.open_well();
  size_t refused = 0;
  for (uint64_t nth = 1;; ++nth) {
    const uint64_t before = files->calls();
    files->inject({.nth = nth});
    const auto units = read_units(*log);
    const bool struck = files->calls() - before >= nth;
    files->clear_faults();
    if (!struck) {
      EXPECT_EQ(units->size(), 6u);
      break;
    }
    refused += !units.ok();
    if (!units.ok()) {
      EXPECT_EQ(units.error().code(), Code::kWalIoError);
    }
  }
  EXPECT_GT(refused, 4u);
}

/// The path of the last segment, and where its last group begins.
std::pair<std::string, size_t> last_group(const SimulatedFileSystem& files) {
  std::string last;
  for (const std::string& path : files.paths())
    if (path.ends_with(".seg")) last = path;
  return {last, files.content(last).rfind(kGroupMagic)};
}

/// A start whose last segment becomes `size` bytes long before the `nth` read that follows `call`.
Result<SegmentLog::Opened> open_while_cut(SimulatedFileSystem& files, Call call,
                                          std::string_view file, size_t size, int nth) {
  const std::string last = last_group(files).first;
  int reads = -1;
  files.before_each_call([&, last](Call now, const std::string& path) {
    if (now == call && path.find(file) != std::string::npos) reads = 0;
    if (now == Call::kRead && reads >= 0 && ++reads == nth)
      files.put(last, files.content(last).substr(0, size));
  });
  LogBench bench(files, kFolder);
  auto opened = bench.open();
  files.before_each_call({});
  return opened;
}

void expect_damage(const Error& error, const std::string& file, size_t byte) {
  EXPECT_EQ(error.detail("code"), kLogDamaged) << error.to_string();
  EXPECT_EQ(error.detail("file"), file);
  EXPECT_EQ(error.detail_number("byte", -1), static_cast<int64_t>(byte));
}

TEST(ReadFaults, a_torn_tail_that_goes_while_it_is_saved_is_damage) {
  constexpr size_t kTail = 5 * kWindowBytes / 2;
  const auto files = with_long_segments(kTail);
  const std::string last = last_group(*files).first;
  const size_t end = files->content(last).size() - kTail;
  const auto opened = open_while_cut(*files, Call::kOpen, ".torn-", end, 2);
  ASSERT_FALSE(opened.ok());
  expect_damage(opened.error(), last, end + kWindowBytes);
  files->kill();
  LogBench again(*files, kFolder);
  EXPECT_EQ(again.open_well()->committed(), 6u);
}

TEST(ReadFaults, a_segment_that_becomes_shorter_while_its_end_is_written_again_is_damage) {
  const auto files = with_long_segments(100);
  const auto [last, group] = last_group(*files);
  const auto opened = open_while_cut(*files, Call::kTruncate, last, group, 1);
  ASSERT_FALSE(opened.ok());
  expect_damage(opened.error(), last, group);
}

TEST(ReadFaults, a_group_that_has_become_shorter_since_the_look_at_its_size_is_none) {
  const auto files = with_long_segments(0);
  const auto [last, group] = last_group(*files);
  const size_t size = files->content(last).size();
  files->put(last, files->content(last).substr(0, size - 1));
  const auto file = files->open(last, io::FileSystem::Open::kRead).value();
  SegmentScan scan;
  const std::string name = last.substr(kFolder.size() + 1);
  ASSERT_TRUE(scan.begin(*file, parse_segment_name(name).value(), size).ok());
  auto found = scan.next();
  while (found.ok() && *found == SegmentScan::Found::kGroup) found = scan.next();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(*found, SegmentScan::Found::kNoGroup);
  EXPECT_EQ(scan.end().at, group);
  EXPECT_FALSE(scan.at_end());
}

/// All groups that a reader gives, or its error.
Result<size_t> groups_read(io::FileSystem& files) {
  RSTMDB_ASSIGN(LogReader reader, LogReader::open(files, kFolder, 0));
  for (size_t groups = 0;;) {
    RSTMDB_ASSIGN(const LogReader::Step step, reader.next());
    if (step == LogReader::Step::kEnd) return groups;
    groups += step == LogReader::Step::kGroup;
  }
}

TEST(ReadFaults, whichever_call_of_a_reader_fails_it_says_so) {
  for (const size_t tail : {size_t{0}, 3 * kWindowBytes / 2, kClosed}) {
    const auto files = with_long_segments(tail);
    const size_t groups = groups_read(*files).value();
    size_t refused = 0;
    for (uint64_t nth = 1;; ++nth) {
      const uint64_t before = files->calls();
      files->inject({.nth = nth});
      const auto found = groups_read(*files);
      const bool struck = files->calls() - before >= nth;
      files->clear_faults();
      if (!struck) break;
      refused += !found.ok();
      if (found.ok()) {
        EXPECT_EQ(*found, groups) << "call " << nth;
      }
    }
    EXPECT_GT(refused, 6u);
  }
}

TEST(ReadFaults, whichever_call_of_a_reader_fails_damage_stays_refused) {
  const auto files = with_long_segments(0);
  const auto [last, group] = last_group(*files);
  std::string hurt = files->content(last);
  const size_t before = hurt.rfind(kGroupMagic, group - 1);
  hurt[before] ^= 1;  // and the group behind it says that this place was on disk
  files->put(last, hurt);
  const uint64_t calls = files->calls();
  const auto refused = groups_read(*files);
  ASSERT_FALSE(refused.ok());
  expect_damage(refused.error(), last, before);
  const uint64_t of_a_reader = files->calls() - calls;
  for (uint64_t nth = 1; nth <= of_a_reader; ++nth) {
    files->inject({.nth = nth, .error_number = ENOMEM});
    const auto found = groups_read(*files);
    files->clear_faults();
    ASSERT_FALSE(found.ok()) << nth;
    EXPECT_EQ(found.error().detail_number("errno", 0), ENOMEM) << nth;
  }
}

TEST(ReadFaults, segments_that_are_always_gone_when_they_are_opened_are_given_up) {
  const auto files = with_long_segments(0);
  using Repeat = SimulatedFileSystem::Fault::Repeat;
  files->inject({.call = Call::kOpen, .error_number = ENOENT, .repeat = Repeat::kForGood});
  const auto found = groups_read(*files);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::kConflict);
  EXPECT_EQ(found.error().detail("folder"), kFolder);
}

TEST(ReadFaults, a_folder_that_never_rests_is_given_up) {
  SimulatedFileSystem files;
  LogBench bench(files, kFolder);
  bench.open_well();
  uint64_t names = 0;
  files.before_each_call([&](Call call, const std::string&) {
    if (call == Call::kList) files.put(kFolder + "/more" + std::to_string(++names), "");
  });
  const auto found = groups_read(files);
  files.before_each_call({});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::kConflict);
}

TEST(ReadFaults, bytes_that_come_behind_a_clean_end_are_damage) {
  SimulatedFileSystem files;
  {
    LogBench bench(files, kFolder);
    const auto log = bench.open_well();
    ASSERT_TRUE(append_one(*log).ok());
    ASSERT_TRUE(log->close().ok());
  }
  files.kill();
  const std::string path = kFolder + "/" + segment_name(1);
  const uint64_t size = files.content(path).size();
  int looks = 0;
  files.before_each_call([&](Call call, const std::string& of) {
    // At the opening, before the mark is read, and after it.
    if (call != Call::kStatus || of != path || ++looks != 3) return;
    const auto file = files.open(path, io::FileSystem::Open::kReadWrite);
    ASSERT_TRUE((*file)->write_at(size, "more").ok());
  });
  const auto found = groups_read(files);
  files.before_each_call({});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().detail("code"), kLogDamaged);
}

}  // namespace
}  // namespace rstmdb::log
