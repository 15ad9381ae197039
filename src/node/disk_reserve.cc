#include "node/disk_reserve.h"

namespace rstmdb::node {

DiskReserve::Change DiskReserve::note_free(uint64_t free_bytes) {
  stats_.free_bytes = free_bytes;
  const uint64_t reserve = stats_.reserve_bytes;
  if (!stats_.refusing && free_bytes < reserve) {
    stats_.refusing = true;
    ++stats_.times_entered;
    return Change::kEntered;
  }
  if (stats_.refusing && free_bytes >= reserve + reserve / 10) {
    stats_.refusing = false;
    return Change::kLeft;
  }
  return Change::kNone;
}

Result<void> DiskReserve::admit() {
  if (!stats_.refusing) return {};
  ++stats_.refused_writes;
  return Error(Code::kRateLimited, "the disk has less free space than is kept in reserve")
      .with("code", "DISK_RESERVE")
      .with("free_bytes", static_cast<int64_t>(stats_.free_bytes.value_or(0)))
      .with("reserve_bytes", static_cast<int64_t>(stats_.reserve_bytes));
}

}  // namespace rstmdb::node
