// CRC-32C (Castagnoli), the checksum of frames and of everything on disk. crc32c("123456789") =
// 0xe3069283.
#pragma once

#include <cstdint>
#include <string_view>

namespace rstmdb {

/// Checksum of `bytes`; `previous` continues an earlier one: crc32c(b, crc32c(a)) == crc32c(ab).
/// Inputs of any size; ISA-L's own limit of 2 GB a call is handled here.
uint32_t crc32c(std::string_view bytes, uint32_t previous = 0);

}  // namespace rstmdb
