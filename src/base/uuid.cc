#include "base/uuid.h"

namespace rstmdb {

std::string uuid_v7(int64_t unix_ms, uint64_t random_high, uint64_t random_low) {
  const uint64_t high = (static_cast<uint64_t>(unix_ms) << 16) | 0x7000 | (random_high & 0x0fff);
  const uint64_t low = (random_low & 0x3fffffffffffffffu) | 0x8000000000000000u;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text.push_back('-');
    const uint64_t half = nibble < 16 ? high : low;
    text.push_back(kDigits[(half >> (60 - 4 * (nibble % 16))) & 15]);
  }
  return text;
}

}  // namespace rstmdb
