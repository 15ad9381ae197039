#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace rstmdb {

uint32_t crc32c(std::string_view bytes, uint32_t previous) {
  // ISA-L neither inverts the start value nor the result, and takes an int for the length.
  constexpr size_t kStep = size_t{1} << 30;
  uint32_t crc = ~previous;
  while (!bytes.empty()) {
    const size_t step = std::min(bytes.size(), kStep);
    // The function only reads; its parameter lacks the const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(step), crc);
    bytes.remove_prefix(step);
  }
  return ~crc;
}

}  // namespace rstmdb
