// Seeded chance. A seed gives the same kill times and the same kind of load, but not the same run:
// which client draws next depends on how quickly the server answers.
#pragma once

#include <cstdint>
#include <random>

namespace rstmdb::crash {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  /// 0 … n-1; n > 0.
  uint64_t below(uint64_t n) { return engine_() % n; }
  /// low … high.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  bool percent(uint64_t chance) { return below(100) < chance; }
  template <class Container>
  auto& pick(Container& from) {
    return from[below(std::size(from))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rstmdb::crash
