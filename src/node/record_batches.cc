#include "node/record_batches.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rstmdb::node {
namespace {
// As much as stays in a core's cache until it has been folded.
constexpr size_t kBatchBytes = 128 * 1024;
}  // namespace

void RecordBatch::clear() {
  if (size_ > kBatchBytes) {  // made for one large unit, and not kept for small ones
    bytes_.reset();
    size_ = 0;
  }
  used_ = 0;
  records_.clear();
  error_.reset();
}

std::string_view RecordBatch::keep(std::string_view unit) {
  if (size_ < unit.size() || size_ == 0) {  // only while it is empty, so no view is lost
    size_ = std::max(unit.size(), kBatchBytes);
    bytes_ = std::make_unique_for_overwrite<char[]>(size_);
  }
  char* const at = bytes_.get() + used_;
  std::memcpy(at, unit.data(), unit.size());
  used_ += unit.size();
  return {at, unit.size()};
}

bool RecordBatches::fill(RecordBatch& batch) {
  batch.clear();
  if (ended_) return false;
  auto gathered = gather(batch);
  if (!gathered.ok()) {
    batch.error_ = std::move(gathered).error();
    ended_ = true;
  }
  return batch.used_ != 0 || batch.error_;
}

Result<void> RecordBatches::gather(RecordBatch& batch) {
  while (true) {
    if (!ahead_) {
      RSTMDB_ASSIGN(ahead_, cursor_->next());
      if (!ahead_) {
        ended_ = true;
        return {};
      }
    }
    if (!batch.has_room(ahead_->bytes.size())) return {};
    const log::Unit unit = *std::exchange(ahead_, {});
    RSTMDB_TRY(decode(batch.keep(unit.bytes), batch));
    const log::Offset behind = unit.first_offset + unit.record_count;
    if (next_offset_ == behind) continue;
    return Error(Code::kInternalError, "a unit of the log holds another number of records")
        .with("code", "RECORD_DAMAGED")
        .with("offset", static_cast<int64_t>(unit.first_offset))
        .with("next_offset", static_cast<int64_t>(next_offset_))
        .with("expected", static_cast<int64_t>(behind));
  }
}

Result<void> RecordBatches::decode(std::string_view unit, RecordBatch& batch) {
  engine::RecordReader reader(unit, chain_);
  while (!reader.at_end()) {
    engine::Record& record = batch.records_.emplace_back();
    auto read = reader.next(record);
    if (!read.ok()) {
      batch.records_.pop_back();
      return std::move(read).error().with("offset", static_cast<int64_t>(next_offset_));
    }
    if (record.offset != next_offset_) {
      const auto found = static_cast<int64_t>(record.offset);
      batch.records_.pop_back();
      return Error(Code::kInternalError, "the log holds records in a wrong order")
          .with("code", "RECORD_DAMAGED")
          .with("offset", found)
          .with("expected", static_cast<int64_t>(next_offset_));
    }
    ++next_offset_;
  }
  return {};
}

}  // namespace rstmdb::node
