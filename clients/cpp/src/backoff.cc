#include "backoff.h"

#include <algorithm>
#include <cmath>

namespace rstmdb::client {

std::chrono::milliseconds backoff_delay(const ReconnectOptions& options, unsigned failures,
                                        double random) {
  const double initial = static_cast<double>(std::max<int64_t>(options.initial_delay.count(), 0));
  const double most = static_cast<double>(std::max<int64_t>(options.max_delay.count(), 0));
  const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0, 62u);
  const double whole = std::min(most, std::ldexp(initial, static_cast<int>(doublings)));
  const double jitter = std::clamp(options.jitter, 0.0, 1.0);
  return std::chrono::milliseconds(static_cast<int64_t>(whole * (1.0 - jitter * random)));
}

}  // namespace rstmdb::client
