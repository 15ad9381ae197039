// The memory of this process: what it uses, and what it may use. A seam, so that a test can say
// what is left.
#pragma once

#include <cstdint>
#include <string>

namespace rstmdb::io {

class Memory {
 public:
  virtual ~Memory() = default;
  /// What of it is in the machine's memory now; 0 when that cannot be asked. Costs some
  /// microseconds.
  virtual uint64_t resident_bytes() = 0;
  /// What the machine has or, if that is less, what the process's control groups allow; 0 when
  /// neither can be asked.
  virtual uint64_t allowed_bytes() = 0;
};

/// As Linux tells it.
Memory& system_memory();

/// The least that the control groups of this process allow, of version 1 and 2, with their parents;
/// UINT64_MAX when none bounds it. `root` is "" but in tests.
uint64_t control_groups_allow(const std::string& root);

}  // namespace rstmdb::io
