// Where work runs: the loop that owns the state, and a worker for what must not hold it up.
// Production runs both on threads; the simulation runs both on one, in an order that its seed
// decides.
#pragma once

#include <cstdint>
#include <functional>

namespace rstmdb::io {

using Task = std::move_only_function<void()>;

/// A thread's queue of tasks and timers. Only post() and stop() may be called from another thread.
class Loop {
 public:
  using TimerId = uint64_t;
  virtual ~Loop() = default;

  /// Runs `task` soon, on the loop's thread, in the order of posting.
  virtual void post(Task task) = 0;
  /// Runs `task` once, `delay_ms` from now or later. The id is never 0.
  virtual TimerId run_after(int64_t delay_ms, Task task) = 0;
  /// Forgets a timer; one that has run already is no error.
  virtual void cancel(TimerId timer) = 0;
  /// `task` runs at the end of every turn: after a bounded amount of ready input has been handled
  /// and before the loop waits again. This is where the log flushes what the turn has gathered
  /// (group commit).
  virtual void at_turn_end(Task task) = 0;
  /// Runs until stop().
  virtual void run() = 0;
  virtual void stop() = 0;
};

/// Runs jobs one after the other away from the loop, and hands their end back to the loop.
class Worker {
 public:
  virtual ~Worker() = default;
  /// Runs `job` on the worker, then `done` on the loop's thread. At most a handful are under way at
  /// once.
  virtual void run(Task job, Task done) = 0;
};

}  // namespace rstmdb::io
