// What the process has in memory.
#pragma once

#include <cstdint>

namespace rstmdb::bench {

struct Memory {
  uint64_t allocated = 0;  // by the program, as the allocator rounds it up
  uint64_t resident = 0;   // of the process, by the system
};

/// With what the allocator keeps for later given back. `allocated` is 0 when it is not jemalloc.
Memory memory_now();

}  // namespace rstmdb::bench
