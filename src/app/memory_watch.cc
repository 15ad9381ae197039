#include "app/memory_watch.h"

#include <algorithm>

#include "base/limits.h"
#include "base/logging.h"

namespace rstmdb::app {

uint64_t memory_bound_bytes(uint64_t max_mb, io::Memory* memory) {
  if (memory == nullptr) return 0;
  if (max_mb != 0) return max_mb * 1024 * 1024;
  const uint64_t allowed = memory->allowed_bytes();
  const uint64_t in_tenths = allowed / 10 * limits::kMemoryTenthsDefault;
  const uint64_t headroom = std::min(limits::kMemoryHeadroomBytes, allowed / 2);
  return std::min(in_tenths, allowed - headroom);
}

MemoryWatch::MemoryWatch(Options options) : options_(options) {
  options_.node.memory().look_when_due([this] { look(); });
  look();
  look_later();
}

MemoryWatch::~MemoryWatch() {
  options_.node.memory().look_when_due({});
  options_.loop.cancel(timer_);
}

void MemoryWatch::look_later() {
  timer_ = options_.loop.run_after(limits::kMemoryLookMs, [this] {
    look();
    look_later();
  });
}

void MemoryWatch::look() {
  using Change = node::MemoryBound::Change;
  node::MemoryBound& bound = options_.node.memory();
  const Change change = bound.note_used(options_.memory.resident_bytes());
  if (change == Change::kNone) return;
  log_line(Level::kWarn,
           change == Change::kEntered
               ? "writes that make the state larger are refused: the process uses what it may"
               : "all writes are taken again: there is memory",
           {{"used_bytes", bound.stats().used_bytes}, {"limit_bytes", bound.stats().bound_bytes}});
}

}  // namespace rstmdb::app
