// The bound of memory: what the process may take before writes that make the state larger are
// refused, so that it is not the system that ends it.
//
// At the bound new machines, versions and instances are refused, and events that make an instance's
// context and last event id longer: a definite and retryable answer. Everything else goes on: other
// events, deletions, reads, snapshots. They are taken again once a tenth of the bound is free.
// Idempotency keys are taken at the bound too; what they may use is a small part of it. Knows no
// system: it is told how much is used, and asks to be told again when much has been written since.
// On the loop's thread.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "engine/draft.h"

namespace rstmdb::node {

class MemoryBound {
 public:
  enum class Change { kNone, kEntered, kLeft };  // of the time in which growth is refused
  struct Stats {
    uint64_t bound_bytes = 0;  // 0: off
    uint64_t used_bytes = 0;   // as last seen
    bool refusing = false;
    uint64_t refused_writes = 0;
    uint64_t times_entered = 0;
  };

  explicit MemoryBound(uint64_t bound_bytes) { stats_.bound_bytes = bound_bytes; }

  /// What the process has been seen to use.
  Change note_used(uint64_t used_bytes);
  /// `look`, which ends with note_used(), runs whenever limits::kMemoryLookBytes of records have
  /// been folded since the last one.
  void look_when_due(std::function<void()> look) { look_ = std::move(look); }
  /// So many bytes of records have been folded.
  void note_folded(size_t bytes);
  /// Whether what has been decided may be committed: kRateLimited with details code=MEMORY_LIMIT,
  /// used_bytes, limit_bytes if not.
  Result<void> admit(const engine::Draft& draft);

  const Stats& stats() const { return stats_; }

 private:
  Stats stats_;
  std::function<void()> look_;
  uint64_t folded_since_look_ = 0;
};

}  // namespace rstmdb::node
