// Randomness, as a seam: ids and seeds come from here and nowhere else.
#pragma once

#include <cstdint>
#include <span>

namespace rstmdb::io {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills `bytes`. The system's source is fit for cryptographic use; a simulation's is its seed's.
  virtual void fill(std::span<char> bytes) = 0;
  uint64_t next_u64() {
    uint64_t value = 0;
    fill({reinterpret_cast<char*>(&value), sizeof value});
    return value;
  }
};

/// OpenSSL's generator, drawn 4 KiB at a time. For the loop's thread only.
Random& system_random();

}  // namespace rstmdb::io
