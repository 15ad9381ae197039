// Eight bytes of text at a time.
#pragma once

#include <cstdint>
#include <cstring>

namespace rstmdb::json {

inline constexpr uint64_t kOnes = 0x0101010101010101u;
inline constexpr uint64_t kHighs = 0x8080808080808080u;

inline uint64_t load_word(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Nonzero exactly when one of the eight bytes of `word` is `c`.
inline uint64_t has_byte(uint64_t word, char c) {
  const uint64_t difference = word ^ (kOnes * static_cast<unsigned char>(c));
  return (difference - kOnes) & ~difference & kHighs;
}

/// Nonzero exactly when one of the eight bytes of `word` is below `bound`, at most 0x80.
inline uint64_t has_byte_below(uint64_t word, unsigned char bound) {
  return (word - kOnes * bound) & ~word & kHighs;
}

}  // namespace rstmdb::json
