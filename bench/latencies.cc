#include "bench/latencies.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace rstmdb::bench {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

unsigned Latencies::bucket_of(uint64_t value) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  if (width <= kSubBits) return static_cast<unsigned>(value);
  const unsigned shift = width - kSubBits - 1;
  const auto sub = static_cast<unsigned>(value >> shift) - (1u << kSubBits);
  return ((shift + 1) << kSubBits) + sub;
}

uint64_t Latencies::end_of(unsigned bucket) {
  if (bucket < (1u << kSubBits)) return bucket;
  const unsigned shift = (bucket >> kSubBits) - 1;
  const uint64_t sub = (bucket & ((1u << kSubBits) - 1)) + (1u << kSubBits);
  return ((sub + 1) << shift) - 1;
}

void Latencies::record(int64_t ns) {
  ++counts_[bucket_of(static_cast<uint64_t>(std::max<int64_t>(ns, 0)))];
  ++count_;
}

void Latencies::clear() {
  counts_.fill(0);
  count_ = 0;
}

double Latencies::percentile_us(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (unsigned bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= std::max<uint64_t>(wanted, 1)) return static_cast<double>(end_of(bucket)) / 1000;
  }
  return 0;
}

std::vector<Latencies::Point> Latencies::spectrum() const {
  constexpr int kTicks = 5;
  std::vector<Point> points;
  for (double left = 1; left * static_cast<double>(count_) > 1; left /= 2)
    for (int tick = 0; tick < kTicks; ++tick) {
      const double share = 1 - left * (1 - tick / (2.0 * kTicks));
      points.push_back({.share = share, .us = percentile_us(share)});
    }
  if (count_ > 0) points.push_back({.share = 1, .us = percentile_us(1)});
  return points;
}

}  // namespace rstmdb::bench
