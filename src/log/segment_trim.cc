#include "log/segment_trim.h"

namespace rstmdb::log {

void SegmentTrim::give_up() {
  const std::lock_guard lock(mutex_);
  given_up_ = true;
  owner = nullptr;
}

void SegmentTrim::step() {
  const std::lock_guard lock(mutex_);
  if (done() || given_up_) return;
  outcome = remove_next();
  if (outcome.ok()) doomed_.pop_front();
}

Result<void> SegmentTrim::remove_next() {
  const Doomed& next = doomed_.front();
  RSTMDB_ASSIGN(const uint64_t bytes, files_.allocated_bytes(next.path));
  RSTMDB_TRY(files_.remove(next.path));
  RSTMDB_TRY(files_.sync_folder(folder_));
  trimmed.segments_removed += 1;
  if (!next.still_open) trimmed.bytes_reclaimed += bytes;
  return {};
}

}  // namespace rstmdb::log
