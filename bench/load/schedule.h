// When the requests of an open loop are due: at a fixed rate, whatever the server does. A latency
// is counted from here, not from the send, so that a server which stands still for a second is
// charged for everything that would have been asked in that second (no coordinated omission).
#pragma once

#include <cstdint>

namespace rstmdb::bench {

class Schedule {
 public:
  Schedule(int64_t start_ns, double per_second) : start_ns_(start_ns), step_ns_(1e9 / per_second) {}
  /// When the next request is due. Computed from the start, so that rounding does not add up.
  int64_t due_ns() const {
    return start_ns_ + static_cast<int64_t>(static_cast<double>(taken_) * step_ns_);
  }
  void take() { ++taken_; }
  uint64_t taken() const { return taken_; }

 private:
  int64_t start_ns_;
  double step_ns_;
  uint64_t taken_ = 0;
};

}  // namespace rstmdb::bench
