// Memory of which a test says how much is used.
#pragma once

#include "io/memory.h"

namespace rstmdb::io {

class SimulatedMemory final : public Memory {
 public:
  void use(uint64_t bytes) { used_ = bytes; }
  uint64_t resident_bytes() override { return used_; }
  uint64_t allowed_bytes() override { return 0; }

 private:
  uint64_t used_ = 0;
};

}  // namespace rstmdb::io
