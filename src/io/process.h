// What the system says of this process.
#pragma once

#include <cstdint>

namespace rstmdb::io {

struct ProcessUsage {
  double cpu_seconds = 0;         // user and system
  double start_time_seconds = 0;  // since 1970
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t virtual_bytes_max = 0;  // UINT64_MAX: no limit
  uint64_t threads = 0;
  uint64_t open_files = 0;
  uint64_t open_files_max = 0;
};

/// As the system has it now; zero for what it does not say. Thread-safe. On kernels before 6.2 it
/// costs a walk over the open files.
ProcessUsage process_usage();

}  // namespace rstmdb::io
