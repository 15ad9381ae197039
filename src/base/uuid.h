// UUIDs, version 7 (RFC 9562): a millisecond time stamp, then random bits. Ids made one after the
// other sort together, which indexes like; 74 random bits keep them apart.
#pragma once

#include <cstdint>
#include <string>

namespace rstmdb {

/// 36 characters, lower case. `random_high` and `random_low` are two fresh random numbers.
std::string uuid_v7(int64_t unix_ms, uint64_t random_high, uint64_t random_low);

}  // namespace rstmdb
