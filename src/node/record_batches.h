// What recovery folds: the log's records, read, checked and decoded some hundred at a time, so that
// the reading can go on beside the folding.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/record.h"
#include "log/log.h"

namespace rstmdb::node {

/// Records that follow each other. Their texts are views into the batch.
class RecordBatch {
 public:
  const std::vector<engine::Record>& records() const { return records_; }
  uint64_t unit_bytes() const { return used_; }
  /// What stands behind the records, when it cannot be read; it ends the log.
  const std::optional<Error>& error() const { return error_; }

 private:
  friend class RecordBatches;
  void clear();
  bool has_room(size_t bytes) const { return used_ == 0 || bytes <= size_ - used_; }
  std::string_view keep(std::string_view unit);

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t used_ = 0;
  std::vector<engine::Record> records_;
  std::optional<Error> error_;
};

class RecordBatches {
 public:
  /// Begins with the record `next`, which `cursor` gives first and which follows `chain`.
  RecordBatches(std::unique_ptr<log::Cursor> cursor, log::Offset next, engine::ChainHash chain)
      : cursor_(std::move(cursor)), next_offset_(next), chain_(chain) {}

  /// Fills `batch` with the next records; false when there are none. One thread at a time.
  ///
  /// A batch's error is the log's (kWalIoError), or kInternalError for records that cannot be read
  /// or do not follow each other (details code, offset). Nothing comes behind it.
  bool fill(RecordBatch& batch);

  /// The link of the last record.
  engine::ChainHash chain() const { return chain_; }

 private:
  Result<void> gather(RecordBatch& batch);
  Result<void> decode(std::string_view unit, RecordBatch& batch);

  std::unique_ptr<log::Cursor> cursor_;
  std::optional<log::Unit> ahead_;  // read, but the batch had no room for it
  log::Offset next_offset_;
  engine::ChainHash chain_;
  bool ended_ = false;
};

}  // namespace rstmdb::node
