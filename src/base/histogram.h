// A histogram with fixed buckets: how often a value fell between two bounds, how many there were
// and what they add up to.
//
// For one thread: the parts of the server observe on the loop's thread and metrics are read there,
// so nothing is locked and an observation costs a search through its bounds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/check.h"

namespace rstmdb {

class Histogram {
 public:
  static constexpr size_t kBoundsMax = 24;

  /// `bounds` grow and outlive the histogram; a value that equals a bound counts below it. Values
  /// above the last bound have a bucket of their own.
  explicit Histogram(std::span<const int64_t> bounds) : bounds_(bounds) {
    RSTMDB_CHECK(bounds.size() <= kBoundsMax, "more bounds than a histogram has room for");
    RSTMDB_CHECK(std::ranges::adjacent_find(bounds, std::greater_equal<>()) == bounds.end(),
                 "bounds that do not grow");
  }

  void observe(int64_t value, uint64_t times = 1) {
    buckets_[bucket_of(value)] += times;
    count_ += times;
    sum_ += value * static_cast<int64_t>(times);
  }

  std::span<const int64_t> bounds() const { return bounds_; }
  /// How many fell into bucket `index` alone; bounds().size() is the bucket above all bounds.
  uint64_t bucket(size_t index) const { return buckets_[index]; }
  uint64_t count() const { return count_; }
  int64_t sum() const { return sum_; }

 private:
  size_t bucket_of(int64_t value) const {
    return static_cast<size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  }

  std::span<const int64_t> bounds_;
  std::array<uint64_t, kBoundsMax + 1> buckets_ = {};
  uint64_t count_ = 0;
  int64_t sum_ = 0;
};

/// Bounds for times in nanoseconds, 50 µs to 10 s, near to equal steps of a logarithm.
inline constexpr std::array<int64_t, 17> kTimeBoundsNs = {
    50'000,      100'000,       250'000,       500'000,       1'000'000,     2'500'000,
    5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
    500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

/// Bounds for the work of a start or a snapshot in nanoseconds, 10 ms to 30 minutes.
inline constexpr std::array<int64_t, 12> kLongTimeBoundsNs = {
    10'000'000,     50'000'000,      100'000'000,     500'000'000,
    1'000'000'000,  5'000'000'000,   10'000'000'000,  30'000'000'000,
    60'000'000'000, 300'000'000'000, 600'000'000'000, 1'800'000'000'000};

/// Bounds for how many share one thing, 1 to 4,096.
inline constexpr std::array<int64_t, 13> kCountBounds = {1,   2,   4,   8,    16,   32,  64,
                                                         128, 256, 512, 1024, 2048, 4096};

}  // namespace rstmdb
