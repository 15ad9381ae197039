// What the loopback carries: a process that sends prepared frames to many connections, 64 KiB at a
// time and in turns, and does nothing else.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rstmdb::bench {

class BareSender {
 public:
  static Result<BareSender> start(size_t connections, size_t frame_bytes);
  ~BareSender();  // ends the process
  BareSender(BareSender&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), receivers_(std::move(other.receivers_)) {}
  BareSender& operator=(BareSender&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(receivers_, other.receivers_);
    return *this;
  }

  int pid() const { return pid_; }
  /// The receiving ends, not blocking. The caller closes them.
  std::vector<int> take_receivers() { return std::move(receivers_); }

 private:
  BareSender() = default;
  int pid_ = 0;
  std::vector<int> receivers_;
};

}  // namespace rstmdb::bench
