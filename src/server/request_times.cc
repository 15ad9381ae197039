#include "server/request_times.h"

#include <algorithm>

namespace rstmdb::server {
namespace {

constexpr size_t kWorthMoving = 1024;

static_assert(Stats::kUnknownOperation <= UINT8_MAX);

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
  for (const uint8_t operation : leaving_) observe(operation, now_ns - arrived_ns_);
  leaving_.clear();
}

void RequestTimes::released(uint64_t committed, int64_t now_ns) {
  while (first_ < waiting_.size() && waiting_[first_].depends_on <= committed) {
    observe(waiting_[first_].operation, now_ns - waiting_[first_].arrived_ns);
    ++first_;
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

}  // namespace rstmdb::server
