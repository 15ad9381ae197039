// Randomness that its seed decides: the same seed, the same bytes. Everything simulated draws from
// one of these, so a failing test is told by its seed alone.
#pragma once

#include <algorithm>
#include <cstring>

#include "io/random.h"

namespace rstmdb::io {

class SimulatedRandom final : public Random {
 public:
  explicit SimulatedRandom(uint64_t seed) : state_(seed) {}

  void fill(std::span<char> bytes) override {
    while (!bytes.empty()) {
      const uint64_t drawn = draw();
      const size_t size = std::min(bytes.size(), sizeof drawn);
      std::memcpy(bytes.data(), &drawn, size);
      bytes = bytes.subspan(size);
    }
  }

  /// A number from 0 to `bound` - 1; `bound` is not 0.
  uint64_t below(uint64_t bound) { return draw() % bound; }

 private:
  uint64_t draw() {  // a counter, well mixed
    uint64_t x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

}  // namespace rstmdb::io
