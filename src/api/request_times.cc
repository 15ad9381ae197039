#include "api/request_times.h"

#include <algorithm>

namespace rstmdb::api {
namespace {

constexpr size_t kWorthMoving = 1024;

static_assert(kUnknownOperation <= UINT8_MAX);

}  // namespace

void RequestTimes::answered(size_t operation, uint64_t depends_on, uint64_t committed) {
  if (depends_on <= committed) {
    leaving_.push_back(static_cast<uint8_t>(operation));
    return;
  }
  const uint64_t before = first_ == waiting_.size() ? 0 : waiting_.back().depends_on;
  waiting_.push_back({std::max(before, depends_on), arrived_ns_, operation});
}

void RequestTimes::sent(int64_t now_ns) {
  for (size_t i = 0; i < leaving_.size();) {
    const size_t first = i;
    while (i < leaving_.size() && leaving_[i] == leaving_[first]) ++i;
    observe(leaving_[first], now_ns - arrived_ns_, i - first);
  }
  leaving_.clear();
}

void RequestTimes::released(uint64_t committed, int64_t now_ns) {
  const auto free = [&](size_t i) {
    return i < waiting_.size() && waiting_[i].depends_on <= committed;
  };
  while (free(first_)) {
    // What has arrived together and asked for the same is observed together.
    const Waiting run = waiting_[first_];
    const size_t begin = first_;
    while (free(first_) && waiting_[first_].operation == run.operation &&
           waiting_[first_].arrived_ns == run.arrived_ns) {
      ++first_;
    }
    observe(run.operation, now_ns - run.arrived_ns, first_ - begin);
  }
  if (first_ == waiting_.size()) {
    waiting_.clear();
    first_ = 0;
  } else if (first_ >= kWorthMoving && first_ >= waiting_.size() / 2) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void RequestTimes::withdrawn(int64_t now_ns) { released(UINT64_MAX, now_ns); }

}  // namespace rstmdb::api
