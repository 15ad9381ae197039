// The disk reserve: free space that writes may not use up, so that the disk never becomes full
// under the log (which would stop it for good) and what makes room again still has some to work
// with.
//
// Below the reserve writes are refused, a definite and retryable answer; reads go on. They are
// taken again once a tenth more than the reserve is free, so that a disk at the border does not
// flicker. Knows no disk: it is told how much is free. On the loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace rstmdb::node {

class DiskReserve {
 public:
  enum class Change { kNone, kEntered, kLeft };  // of the time in which writes are refused
  struct Stats {
    uint64_t reserve_bytes = 0;          // 0: off
    std::optional<uint64_t> free_bytes;  // as last seen; none when it could not be asked yet
    bool refusing = false;
    uint64_t refused_writes = 0;
    uint64_t times_entered = 0;
  };

  explicit DiskReserve(uint64_t reserve_bytes) { stats_.reserve_bytes = reserve_bytes; }

  /// What has been seen on the disk.
  Change note_free(uint64_t free_bytes);
  /// Whether a write may begin: kRateLimited with details code, free_bytes, reserve_bytes if not.
  Result<void> admit();

  /// What a snapshot that begins now has to leave free: all of the reserve, so that writes need not
  /// be refused for it; a quarter once they are, because a snapshot is what makes room again.
  uint64_t left_by_snapshots() const {
    return stats_.refusing ? stats_.reserve_bytes / 4 : stats_.reserve_bytes;
  }

  const Stats& stats() const { return stats_; }

 private:
  Stats stats_;
};

}  // namespace rstmdb::node
