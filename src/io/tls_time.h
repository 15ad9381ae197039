// The times of certificates.
#pragma once

#include <cstdint>

struct asn1_string_st;

namespace rstmdb::io {

/// Unix milliseconds; 0 for what is no time.
int64_t unix_ms(const asn1_string_st* time);

}  // namespace rstmdb::io
