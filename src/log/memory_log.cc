#include "log/memory_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::log {

class MemoryCursor final : public Cursor {
 public:
  MemoryCursor(std::shared_ptr<MemoryLog::Store> store, Offset offset)
      : store_(std::move(store)), wanted_(store_->cursors.insert(offset)) {}
  ~MemoryCursor() override { store_->cursors.erase(wanted_); }
  MemoryCursor(const MemoryCursor&) = delete;
  MemoryCursor& operator=(const MemoryCursor&) = delete;

  Result<std::optional<Unit>> next() override {
    if (*wanted_ > store_->committed) return std::optional<Unit>();
    const auto found = store_->units.lower_bound(*wanted_);
    const auto& [last, stored] = *found;
    bytes_ = stored.bytes;
    store_->reads += 1;
    store_->bytes_read += bytes_.size();
    store_->cursors.erase(wanted_);
    wanted_ = store_->cursors.insert(last + 1);
    return std::optional<Unit>(Unit{.first_offset = last + 1 - stored.record_count,
                                    .record_count = stored.record_count,
                                    .bytes = bytes_});
  }

 private:
  std::shared_ptr<MemoryLog::Store> store_;  // may outlive the log
  std::multiset<Offset>::iterator wanted_;
  std::string bytes_;
};

/// Does not outlive its log.
class MemoryLookup final : public Lookup {
 public:
  explicit MemoryLookup(const MemoryLog& log) : log_(log) {}

  Result<Unit> unit_of(Offset offset) override {
    MemoryLog::Store& store = *log_.store_;
    RSTMDB_CHECK(offset != 0 && offset <= store.committed, std::to_string(offset));
    if (offset < log_.oldest_) return log_.trimmed_away(offset);
    const auto& [last, stored] = *store.units.lower_bound(offset);
    bytes_ = stored.bytes;
    store.reads += 1;
    store.bytes_read += bytes_.size();
    bytes_read_ += bytes_.size();
    return Unit{.first_offset = last + 1 - stored.record_count,
                .record_count = stored.record_count,
                .bytes = bytes_};
  }
  uint64_t bytes_read() const override { return bytes_read_; }

 private:
  const MemoryLog& log_;
  std::string bytes_;
  uint64_t bytes_read_ = 0;
};

MemoryLog::MemoryLog(Commit commit) : commit_(commit), store_(std::make_shared<Store>()) {}
MemoryLog::~MemoryLog() = default;

Offset MemoryLog::committed() const { return store_->committed; }

Result<void> MemoryLog::append(const Unit& unit) {
  RSTMDB_CHECK(unit.first_offset == next_offset_, std::to_string(unit.first_offset));
  RSTMDB_CHECK(unit.record_count != 0, "a unit without records");
  if (failure_) return *failure_;
  if (unit.bytes.size() > limits::kLogUnitBytesMax)
    return Error(Code::kBadRequest, "a unit of more bytes than the log takes")
        .with("limit", static_cast<int64_t>(limits::kLogUnitBytesMax));
  if (uncommitted_bytes_ != 0 &&
      uncommitted_bytes_ + unit.bytes.size() > limits::kUncommittedBytesMax)
    return Error(Code::kRateLimited, "too much waits to be committed")
        .with("limit", static_cast<int64_t>(limits::kUncommittedBytesMax));
  next_offset_ += unit.record_count;
  store_->units[next_offset_ - 1] = {unit.record_count, std::string(unit.bytes)};
  uncommitted_bytes_ += unit.bytes.size();
  retained_bytes_ += unit.bytes.size();
  return {};
}

void MemoryLog::flush() {
  if (failure_ || flushed_ == next_offset_ - 1) return;
  flushed_ = next_offset_ - 1;
  ++flushes_;
  if (commit_ == Commit::kAtFlush) commit_flushed();
}

void MemoryLog::commit_flushed() { commit_up_to(flushed_); }

void MemoryLog::commit_up_to(Offset offset) {
  if (failure_ || offset <= store_->committed) return;
  RSTMDB_CHECK(offset <= flushed_ && store_->units.contains(offset), std::to_string(offset));
  for (auto unit = store_->units.upper_bound(store_->committed);
       unit != store_->units.end() && unit->first <= offset; ++unit) {
    uncommitted_bytes_ -= unit->second.bytes.size();
    bytes_written_ += unit->second.bytes.size();
  }
  store_->committed = offset;
  if (listener_ == nullptr) return;
  listener_->on_committed(offset);
  listener_->on_durable(offset);
}

void MemoryLog::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  if (listener_ != nullptr) listener_->on_failed(*failure_);
}

Result<std::unique_ptr<Cursor>> MemoryLog::read_from(Offset offset) {
  offset = std::max<Offset>(offset, 1);
  if (offset < oldest_) return trimmed_away(offset);
  return std::unique_ptr<Cursor>(std::make_unique<MemoryCursor>(store_, offset));
}

std::unique_ptr<Lookup> MemoryLog::look_up() { return std::make_unique<MemoryLookup>(*this); }

Error MemoryLog::trimmed_away(Offset offset) const {
  return Error(Code::kNotFound, "offset " + std::to_string(offset) + " has been trimmed away")
      .with("oldest_offset", static_cast<int64_t>(oldest_));
}

void MemoryLog::trim(Offset keep_from, OnTrimmed done) {
  Trimmed trimmed;
  for (auto unit = store_->units.lower_bound(oldest_);
       unit != store_->units.end() && unit->first < keep_from && unit->first <= store_->committed;
       ++unit) {
    oldest_ = unit->first + 1;
    retained_bytes_ -= unit->second.bytes.size();
    trimmed.segments_removed += 1;
    trimmed.bytes_reclaimed += unit->second.bytes.size();
  }
  drop_trimmed();
  done(trimmed);
}

/// What is trimmed stays in memory while a cursor has it ahead.
void MemoryLog::drop_trimmed() {
  const Offset needed =
      store_->cursors.empty() ? oldest_ : std::min(oldest_, *store_->cursors.begin());
  store_->units.erase(store_->units.begin(), store_->units.lower_bound(needed));
}

Stats MemoryLog::stats() const {
  const Offset latest = next_offset_ - 1;
  return {.record_count = latest + 1 - oldest_,
          .segment_count = 1,
          .total_bytes = retained_bytes_,
          .oldest_offset = oldest_ > latest ? 0 : oldest_,
          .latest_offset = latest,
          .bytes_written = bytes_written_,
          .bytes_read = store_->bytes_read,
          .writes = flushes_,
          .reads = store_->reads,
          .syncs = flushes_};
}

Result<void> MemoryLog::close() {
  flush();
  commit_flushed();
  if (failure_) return *failure_;
  return {};
}

}  // namespace rstmdb::log
