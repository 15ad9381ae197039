// Jobs that are offered to a second thread by one that will need them soon: what nobody has begun
// by then, it does itself. So it never waits for the other thread to be woken, and loses nothing
// where the other one gets no processor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "io/read_ahead.h"

namespace rstmdb::io {

/// All calls are for one thread, the owner's; `job` runs on either.
class OfferedJobs {
 public:
  using Job = std::function<void(size_t slot)>;

  /// Each of `slots` places holds one job at a time. What `job` uses of a slot is the other
  /// thread's from offer() until finish() or withdraw() has returned. With kInline there is no
  /// other thread.
  OfferedJobs(Ahead how, size_t slots, Job job);
  /// No job is offered any more.
  ~OfferedJobs();
  OfferedJobs(const OfferedJobs&) = delete;
  OfferedJobs& operator=(const OfferedJobs&) = delete;

  void offer(size_t slot);
  /// The other thread looks at what is offered, from the first slot to the last. Costs a system
  /// call if it sleeps.
  void wake();
  /// The slot's job has been done when this returns: by the other thread, or now by the caller.
  void finish(size_t slot);
  /// The slot is free when this returns: its job is not begun any more, and was done if it had
  /// been.
  void withdraw(size_t slot);

 private:
  enum class State : uint8_t { kNone, kOffered, kBegun, kDone };
  bool begin(size_t slot);
  void await_end(size_t slot) const;
  bool do_what_is_offered();
  void work();

  const Job job_;
  std::unique_ptr<std::atomic<State>[]> states_;
  const size_t slots_;
  std::atomic<uint32_t> wakes_ = 0;
  std::atomic<bool> ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace rstmdb::io
