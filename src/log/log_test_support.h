// What the log's tests share: a listener that remembers, units that can be told apart, and a place
// to open logs in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/random.h"
#include "log/manual_executor.h"
#include "log/segment_log.h"

namespace rstmdb::log {

class RememberingListener final : public Listener {
 public:
  void on_committed(Offset offset) override {
    EXPECT_GT(offset, committed);
    committed = offset;
    ++commits;
  }
  void on_durable(Offset offset) override {
    EXPECT_LE(offset, committed);
    durable = offset;
    ++times_durable;
  }
  void on_failed(const Error& error) override {
    ++failures;
    failure = error.to_string();
  }
  void on_fenced() override { FAIL() << "a local log has no rival"; }

  Offset committed = 0;
  Offset durable = 0;
  int times_durable = 0;
  int commits = 0;
  int failures = 0;
  std::string failure;
};

/// Counts on from its seed; good enough for a database id.
class CountingRandom final : public io::Random {
 public:
  explicit CountingRandom(uint64_t seed = 1) : next_(seed) {}
  void fill(std::span<char> bytes) override {
    for (char& byte : bytes) {
      next_ = next_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<char>(next_ >> 56);
    }
  }

 private:
  uint64_t next_;
};

/// A unit's content is a function of its offset, so a reader can check what it gets.
inline std::string unit_text(Offset first, uint32_t records, size_t size = 0) {
  std::string text = "unit " + std::to_string(first) + " of " + std::to_string(records);
  while (text.size() < size) text.push_back(static_cast<char>('a' + (first + text.size()) % 26));
  return text;
}

inline Result<void> append_one(Log& log, uint32_t records = 1, size_t size = 0) {
  const std::string text = unit_text(log.next_offset(), records, size);
  return log.append({.first_offset = log.next_offset(), .record_count = records, .bytes = text});
}

struct OwnedUnit {
  Offset first_offset = 0;
  uint32_t record_count = 0;
  std::string bytes;
  bool operator==(const OwnedUnit&) const = default;
};

/// Everything that a cursor gives from `offset` on, or its error.
inline Result<std::vector<OwnedUnit>> read_units(Log& log, Offset offset = 1) {
  std::vector<OwnedUnit> units;
  RSTMDB_ASSIGN(const std::unique_ptr<Cursor> cursor, log.read_from(offset));
  while (true) {
    RSTMDB_ASSIGN(const std::optional<Unit> unit, cursor->next());
    if (!unit) return units;
    units.push_back({unit->first_offset, unit->record_count, std::string(unit->bytes)});
  }
}

/// Trims, and has `settle` do the rest of the work until the outcome is there.
template <class Settle>
Result<Trimmed> trim_now(Log& log, Offset keep_from, Settle settle) {
  std::optional<Result<Trimmed>> outcome;
  log.trim(keep_from, [&outcome](Result<Trimmed> trimmed) { outcome = std::move(trimmed); });
  for (int i = 0; i < 10'000 && !outcome; ++i) settle();
  EXPECT_TRUE(outcome.has_value());
  return outcome ? std::move(*outcome) : Error(Code::kInternalError, "the trim has no end");
}

/// A folder of the system's file system that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rstmdb-log-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// All that a segment log needs around it, on some file system.
struct LogBench {
  explicit LogBench(io::FileSystem& file_system, std::string log_folder)
      : files(file_system), folder(std::move(log_folder)) {}

  Result<SegmentLog::Opened> open() {
    listener = {};
    return SegmentLog::open({.files = files,
                             .loop = loop,
                             .worker = worker,
                             .background = worker,
                             .clock = clock,
                             .random = random,
                             .folder = folder,
                             .segment_bytes = segment_bytes,
                             .sync = sync,
                             .prepare = prepare,
                             .reserve_bytes = reserve_bytes,
                             .progress = progress,
                             .ahead = ahead});
  }
  /// Opens, sets the listener, and expects both to go well.
  std::unique_ptr<SegmentLog> open_well() {
    auto opened = open();
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().to_string());
    if (!opened.ok()) return nullptr;
    recovery = opened->recovery;
    opened->log->set_listener(listener);
    return std::move(opened->log);
  }

  io::FileSystem& files;
  std::string folder;
  uint64_t segment_bytes = limits::kSegmentBytesDefault;
  SyncPolicy sync;
  SegmentLog::Prepare prepare = SegmentLog::Prepare::kNothing;
  uint64_t reserve_bytes = 0;
  std::function<void(const RecoveryProgress&)> progress;
  io::Ahead ahead = io::Ahead::kInline;
  ManualClock clock;
  ManualLoop loop{clock};
  ManualWorker worker{loop};
  CountingRandom random;
  RememberingListener listener;
  Recovery recovery;
};

}  // namespace rstmdb::log
