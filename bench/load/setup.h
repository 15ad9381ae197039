// What a load needs of the database before it starts.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "load/connection.h"

namespace rstmdb::bench {

/// Puts the machine and creates instances 0 to `count` - 1 with contexts of `context_bytes`; those
/// that exist already stay. Returns the seconds it took.
Result<double> create_instances(const Address& address, uint32_t count, size_t context_bytes);

}  // namespace rstmdb::bench
