// Looks at how much memory the process uses, and tells the node: four times a second, and whenever
// much has been written.
#pragma once

#include "io/executor.h"
#include "io/memory.h"
#include "node/node.h"

namespace rstmdb::app {

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
