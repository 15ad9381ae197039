// Latencies in buckets: 128 of the same width for every power of two, so a percentile is at most
// 0.8 % above the true one, whatever the size of the values; and recording costs a few instructions
// and no memory.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace rstmdb::bench {

/// Steady time in nanoseconds.
int64_t now_ns();

class Latencies {
 public:
  void record(int64_t ns);
  void clear();
  uint64_t count() const { return count_; }
  /// The smallest bucket's end that `share` (0 to 1) of all values do not exceed, in microseconds;
  /// 0 when there are none.
  double percentile_us(double share) const;

  struct Point {
    double share;
    double us;
  };
  /// Percentiles that come closer and closer to 1, five for each halving of what is left, up to the
  /// largest value.
  std::vector<Point> spectrum() const;

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr unsigned kBuckets = (64 - kSubBits + 1) << kSubBits;
  static unsigned bucket_of(uint64_t value);
  static uint64_t end_of(unsigned bucket);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
};

}  // namespace rstmdb::bench
