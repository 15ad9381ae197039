// A log in memory with the contract of log.h, for tests of what stands above the log. Nothing is
// kept beyond the object; commits come when the test says so, or with each flush.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "log/log.h"

namespace rstmdb::log {

/// On the loop's thread, like every Log.
class MemoryLog final : public Log {
 public:
  enum class Commit {
    kAtFlush,   // flush() commits before it returns
    kWhenTold,  // flush() only marks what commit_flushed() may then commit
  };

  explicit MemoryLog(Commit commit = Commit::kAtFlush);
  ~MemoryLog() override;

  /// Commits everything that was flushed. Does nothing when there is nothing, or after fail().
  void commit_flushed();
  /// Commits up to `offset`, the last one of a flushed unit.
  void commit_up_to(Offset offset);
  /// Stops the log as a failed disk would.
  void fail(const Error& error);

  void set_listener(Listener& listener) override { listener_ = &listener; }
  Result<void> append(const Unit& unit) override;
  void flush() override;
  Offset next_offset() const override { return next_offset_; }
  Offset committed() const override;
  Offset durable() const override { return committed(); }
  void sync() override { flush(); }
  size_t uncommitted_bytes() const override { return uncommitted_bytes_; }
  Result<std::unique_ptr<Cursor>> read_from(Offset offset) override;
  std::unique_ptr<Lookup> look_up() override;
  void trim(Offset keep_from, OnTrimmed done) override;
  Stats stats() const override;
  Result<void> close() override;

 private:
  friend class MemoryCursor;
  friend class MemoryLookup;
  struct StoredUnit {
    uint32_t record_count = 0;
    std::string bytes;
  };
  struct Store {
    std::map<Offset, StoredUnit> units;  // by last offset
    Offset committed = 0;
    std::multiset<Offset> cursors;  // what each wants next; nothing from there on is dropped
    uint64_t bytes_read = 0;
    uint64_t reads = 0;
  };
  Error trimmed_away(Offset offset) const;
  void drop_trimmed();

  const Commit commit_;
  std::shared_ptr<Store> store_;  // shared with cursors, which may outlive the log
  Listener* listener_ = nullptr;
  Offset next_offset_ = 1;
  Offset flushed_ = 0;
  Offset oldest_ = 1;
  size_t uncommitted_bytes_ = 0;
  uint64_t retained_bytes_ = 0;
  uint64_t bytes_written_ = 0;
  uint64_t flushes_ = 0;
  std::optional<Error> failure_;
};

}  // namespace rstmdb::log
