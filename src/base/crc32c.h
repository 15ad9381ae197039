// CRC-32C (Castagnoli), the checksum of frames and of everything on disk. crc32c("123456789") =
// 0xe3069283.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rstmdb {

/// Checksum of `bytes`; `previous` continues an earlier one: crc32c(b, crc32c(a)) == crc32c(ab).
/// Inputs of any size; ISA-L's own limit of 2 GB a call is handled here.
uint32_t crc32c(std::string_view bytes, uint32_t previous = 0);

/// Where the one wrong byte is, when `size` bytes have the checksum `computed` and, had one of them
/// not been changed, would have `stored`. `size + k` is byte k of the stored checksum itself
/// (little-endian). Nothing when no single byte explains the difference, or more than one could
/// (about one in 256 for 64 KiB).
std::optional<size_t> find_wrong_byte(size_t size, uint32_t computed, uint32_t stored);

}  // namespace rstmdb
