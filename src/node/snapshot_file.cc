#include "node/snapshot_file.h"

#include "snapshot/damage.h"

namespace rstmdb::node {
namespace {
constexpr int kBlocksCheckedAtOnce = 2;
}

void SnapshotFile::give_up() {
  given_up_.store(true, std::memory_order_relaxed);
  owner = nullptr;
}

void SnapshotFile::work() {
  if (given_up_.load(std::memory_order_relaxed)) return;
  outcome = work_on();
  blocks.clear();
}

Result<void> SnapshotFile::work_on() {
  if (verifier_) return check_more();
  if (!writer_) {
    RSTMDB_TRY(folder_.discard_draft());
    RSTMDB_ASSIGN(writer_,
                  snapshot::Writer::create(folder_.files(), folder_.draft_path(), header_));
  }
  if (!blocks.empty()) return write_blocks();
  RSTMDB_TRY(writer_->finish());
  RSTMDB_ASSIGN(verifier_, snapshot::Verifier::open(folder_.files(), folder_.draft_path()));
  return {};
}

/// A snapshot may never be what fills the disk under the log.
Result<void> SnapshotFile::leave_reserve() const {
  if (reserve_bytes_ == 0) return {};
  size_t bytes = 0;
  for (const engine::RowBlock& block : blocks) bytes += block.bytes.size();
  RSTMDB_ASSIGN(const uint64_t free, folder_.files().free_bytes(folder_.path()));
  if (free >= reserve_bytes_ + bytes) return {};
  return Error(Code::kRateLimited, "too little of the disk is free for a snapshot")
      .with("code", "DISK_RESERVE")
      .with("free_bytes", static_cast<int64_t>(free))
      .with("reserve_bytes", static_cast<int64_t>(reserve_bytes_));
}

Result<void> SnapshotFile::write_blocks() {
  RSTMDB_TRY(leave_reserve());
  for (const engine::RowBlock& block : blocks) {
    if (given_up_.load(std::memory_order_relaxed)) break;
    RSTMDB_TRY(writer_->write(block));
  }
  return {};
}

Result<void> SnapshotFile::check_more() {
  for (int i = 0; i < kBlocksCheckedAtOnce; ++i) {
    RSTMDB_ASSIGN(const auto state, verifier_->step());
    if (state == snapshot::Verifier::State::kMore) continue;
    verified_ = verifier_->verified();
    // The file agrees with itself; whether it is the one that was meant is asked here.
    if (verified_.header.facts.hash != header_.facts.hash ||
        verified_.header.database != header_.database)
      return snapshot::snapshot_damaged(folder_.draft_path(), 0, "another file was read back");
    right = true;
    return {};
  }
  return {};
}

}  // namespace rstmdb::node
