// Looks at how much memory the process uses, and tells the node: four times a second, and whenever
// much has been written.
#pragma once

#include <cstdint>

#include "io/executor.h"
#include "io/memory.h"
#include "node/node.h"

namespace rstmdb::app {

/// From how many bytes on the state may not grow: `max_mb`, or what is right for what the process
/// may have when that is 0. 0: no bound, because nobody can tell (or `memory` is null).
uint64_t memory_bound_bytes(uint64_t max_mb, io::Memory* memory);

class MemoryWatch {
 public:
  struct Options {
    io::Loop& loop;
    io::Memory& memory;
    node::Node& node;
  };
  /// Looks at once, and from then on every limits::kMemoryLookMs.
  explicit MemoryWatch(Options options);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

 private:
  void look_later();
  void look();

  const Options options_;
  io::Loop::TimerId timer_ = 0;
};

}  // namespace rstmdb::app
