// Time, as a seam: no other file of the server asks the system for it (tools/tidy checks).
#pragma once

#include <cstdint>

namespace rstmdb::io {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock, UTC, milliseconds since 1970. May jump either way.
  virtual int64_t wall_ms() = 0;
  /// Never goes back; nanoseconds since an arbitrary start. For measuring and timeouts.
  virtual int64_t steady_ns() = 0;
};

/// The system's clocks. Thread-safe.
Clock& system_clock();

}  // namespace rstmdb::io
