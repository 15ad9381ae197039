// What the machine gives at best. A server's numbers mean nothing without these beside them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "bench/latencies.h"

namespace rstmdb::bench {

struct Arguments {
  std::string folder = ".";
  size_t bytes = 300;  // of each write, message or copy
  int64_t measured_ms = 2'000;
};

inline constexpr size_t kBlockBytes = 1024 * 1024;  // the most for writes and messages

/// Each measures for the time asked for and records how long every single step took.
Result<void> measure_appending(const Arguments& arguments, Latencies& latencies);
Result<void> measure_prezeroed(const Arguments& arguments, Latencies& latencies);
Result<void> measure_loopback(const Arguments& arguments, Latencies& latencies);
Result<void> measure_stream(const Arguments& arguments, Latencies& latencies);
Result<void> measure_memcpy(const Arguments& arguments, Latencies& latencies);
Result<void> measure_processors(const Arguments& arguments, Latencies& latencies);

/// An error that names the system call and errno.
Error call_failed(const char* call);

}  // namespace rstmdb::bench
