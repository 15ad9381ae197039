// Decimal digits of a fixed width, written into and read out of prepared text.
#pragma once

#include <cstdint>

namespace rstmdb::bench {

/// Writes the last `width` digits of `number`.
inline void put_digits(char* at, unsigned width, uint32_t number) {
  for (char* to = at + width; to != at; number /= 10) *--to = static_cast<char>('0' + number % 10);
}

/// False when one of `width` characters is no digit. `width` is at most 9.
inline bool read_digits(const char* at, unsigned width, uint32_t& number) {
  number = 0;
  for (const char* end = at + width; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  return true;
}

}  // namespace rstmdb::bench
