// What stands behind the last whole group of a log, and where it is kept before it is cut off.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace rstmdb::log {

struct TornTail {
  uint64_t written_bytes = 0;  // from the start to the last byte that is not zero
  uint64_t later_group = 0;    // a group that proves the tail to be damage; 0: none
};

/// Looks through `file` from `at` to `size` for a group header that could only have been written
/// after group `expected` was on disk. `seed` is group_seed() of the database.
Result<TornTail> read_tail(io::File& file, uint64_t at, uint64_t size, uint32_t seed,
                           uint64_t expected);

/// Copies `bytes` bytes from `at` into a new file beside the segment, `<segment>.torn-<n>`, makes
/// it durable and returns its path.
Result<std::string> save_tail(io::FileSystem& files, const std::string& folder, io::File& segment,
                              uint64_t at, uint64_t bytes);

}  // namespace rstmdb::log
