// Eight bytes of text at a time.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"

namespace rstmdb::json {

inline constexpr uint64_t kOnes = 0x0101010101010101u;
inline constexpr uint64_t kHighs = 0x8080808080808080u;

/// The byte at `from` is the lowest, on every machine.
inline uint64_t load_word(const char* from) { return load_le<uint64_t>(from); }

/// Nonzero exactly when one of the eight bytes of `word` is `c`; first_byte() says which is first.
inline uint64_t has_byte(uint64_t word, char c) {
  const uint64_t difference = word ^ (kOnes * static_cast<unsigned char>(c));
  return (difference - kOnes) & ~difference & kHighs;
}

/// Nonzero exactly when one of the eight bytes of `word` is below `bound`, at most 0x80.
inline uint64_t has_byte_below(uint64_t word, unsigned char bound) {
  return (word - kOnes * bound) & ~word & kHighs;
}

/// Which of the eight bytes, in the order of memory, is the first that one of the functions above
/// or several of them together (by `|`) have found. Behind the first, a hit may be none.
inline int first_byte(uint64_t hits) { return std::countr_zero(hits) / 8; }

}  // namespace rstmdb::json
