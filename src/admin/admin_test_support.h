// What the tests of the admin commands share: a data folder with a random history in it, on a
// simulated disk.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "admin/progress.h"
#include "log/log_test_support.h"
#include "snapshot/snapshot_test_support.h"

namespace rstmdb::admin {

inline const std::string kTestData = "/data";

/// A clock that stands still.
class StandingClock final : public io::Clock {
 public:
  int64_t wall_ms() override { return 1'795'000'000'000; }
  int64_t steady_ns() override { return 0; }
};

/// Progress that nobody sees; `interrupt_after` calls of at() it asks for an end.
struct QuietProgress {
  StandingClock clock;
  uint64_t calls = 0;
  uint64_t interrupt_after = UINT64_MAX;
  Progress progress{{.clock = clock,
                     .style = Progress::Style::kNothing,
                     .show = [](std::string_view) {},
                     .interrupted = [this] { return ++calls > interrupt_after; }}};
};

enum class LogEnding { kClosed, kKilled };

class SampleFolder {
 public:
  /// The history of `seed` in a log of small segments, and a snapshot at about each of
  /// `snapshots_at` records. About every third command leads to a record.
  explicit SampleFolder(uint64_t seed, std::vector<uint64_t> snapshots_at = {},
                        LogEnding ending = LogEnding::kClosed, uint64_t segment_bytes = 2500,
                        int commands = 400)
      : history(seed), bench_(files, kTestData + "/wal") {
    bench_.segment_bytes = segment_bytes;
    auto log = bench_.open_well();
    database = log->database();
    const snapshot::Folder folder(files, kTestData + "/snapshots");
    EXPECT_TRUE(folder.prepare().ok());
    history.between = [&] {
      if (next_ < snapshots_at.size() && history.records() >= snapshots_at[next_]) {
        ++next_;
        snapshots.push_back(history.records());
        EXPECT_TRUE(
            snapshot::write_snapshot(files, folder.path_of(history.records()), history, database)
                .ok());
      }
    };
    history.command_count = commands;
    history.run();
    for (const std::string& unit : history.units()) append(*log, unit);
    if (ending == LogEnding::kClosed) {
      EXPECT_TRUE(log->close().ok());
    }
    log.reset();
    files.kill();
  }

  /// Path and content of every file of the data folder.
  std::vector<std::pair<std::string, std::string>> contents() const {
    std::vector<std::pair<std::string, std::string>> found;
    for (const std::string& path : files.paths())
      if (path.starts_with(kTestData + "/")) found.emplace_back(path, files.content(path));
    return found;
  }

  std::vector<std::string> paths_with(std::string_view ending) const {
    std::vector<std::string> found = files.paths();
    std::erase_if(found, [&](const std::string& path) { return !path.ends_with(ending); });
    return found;
  }

  /// Removes the segments that begin behind record `offset`.
  void lose_segments_behind(log::Offset offset) {
    for (const std::string& path : paths_with(".seg"))
      if (log::parse_segment_name(path.substr(path.rfind('/') + 1)).value() > offset)
        files.erase(path);
  }

  /// Removes the segment with the record `offset` and those before it.
  void lose_segments_up_to(log::Offset offset) {
    for (const std::string& path : paths_with(".seg"))
      if (log::parse_segment_name(path.substr(path.rfind('/') + 1)).value() <= offset)
        files.erase(path);
  }

  /// Removes the log and its folder.
  void lose_log() {
    const std::string folder = kTestData + "/wal";
    for (const std::string& path : files.paths())
      if (path.starts_with(folder + "/")) files.erase(path);
    EXPECT_TRUE(files.remove_folder(folder).ok());
  }

  io::SimulatedFileSystem files;
  engine::RandomHistory history;
  log::DatabaseId database{};
  std::vector<uint64_t> snapshots;  // their offsets
  std::vector<uint64_t> unit_ends;  // offset of the last record of each unit

 private:
  void append(log::SegmentLog& log, const std::string& unit) {
    engine::ChainHash chain;
    engine::RecordReader records(unit, chain);
    records.adopt_chain();
    uint32_t count = 0;
    for (; !records.at_end(); ++count) ASSERT_TRUE(records.next().ok());
    ASSERT_TRUE(
        log.append({.first_offset = log.next_offset(), .record_count = count, .bytes = unit}).ok());
    log.flush();
    unit_ends.push_back(log.next_offset() - 1);
  }

  size_t next_ = 0;
  log::LogBench bench_;
};

}  // namespace rstmdb::admin
