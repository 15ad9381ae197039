#include "node/memory_bound.h"

#include "base/limits.h"

namespace rstmdb::node {

MemoryBound::Change MemoryBound::note_used(uint64_t used_bytes) {
  stats_.used_bytes = used_bytes;
  folded_since_look_ = 0;
  const uint64_t bound = stats_.bound_bytes;
  if (!stats_.refusing && bound > 0 && used_bytes >= bound) {
    stats_.refusing = true;
    ++stats_.times_entered;
    return Change::kEntered;
  }
  if (stats_.refusing && used_bytes <= bound - bound / 10) {
    stats_.refusing = false;
    return Change::kLeft;
  }
  return Change::kNone;
}

void MemoryBound::note_folded(size_t bytes) {
  folded_since_look_ += bytes;
  if (folded_since_look_ >= limits::kMemoryLookBytes && look_) look_();
}

Result<void> MemoryBound::admit(const engine::Draft& draft) {
  if (!stats_.refusing || !draft.grows_state()) return {};
  ++stats_.refused_writes;
  return Error(Code::kRateLimited, "the server uses as much memory as it may")
      .with("code", "MEMORY_LIMIT")
      .with("used_bytes", static_cast<int64_t>(stats_.used_bytes))
      .with("limit_bytes", static_cast<int64_t>(stats_.bound_bytes));
}

}  // namespace rstmdb::node
