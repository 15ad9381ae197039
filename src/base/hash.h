// Hashes: a fast one for tables, fingerprints and the state hash (XXH3), and SHA-256 where others
// compute the same value (definition checksums, token digests).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rstmdb {

/// 128 bits that add and subtract modulo 2^128, so that a set's hash is the sum of its members'
/// hashes and follows each change without a walk over the rest.
struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  Hash128& operator+=(const Hash128& other);
  Hash128& operator-=(const Hash128& other);
  /// 32 hex digits, high half first.
  std::string hex() const;
};

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);
Hash128 hash128(std::string_view bytes, uint64_t seed = 0);

using Sha256 = std::array<char, 32>;
Sha256 sha256(std::string_view bytes);
/// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace rstmdb
