#include "bench/engine/memory.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#ifdef RSTMDB_WITH_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace rstmdb::bench {

Memory memory_now() {
  Memory memory;
#ifdef RSTMDB_WITH_JEMALLOC
  static_cast<void>(mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0));
  static_cast<void>(mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0));  // of all arenas
  uint64_t epoch = 1;
  static_cast<void>(mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch));
  size_t allocated = 0;
  size_t size = sizeof allocated;
  if (mallctl("stats.allocated", &allocated, &size, nullptr, 0) == 0) memory.allocated = allocated;
#endif
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident_pages;
  memory.resident = resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory;
}

}  // namespace rstmdb::bench
