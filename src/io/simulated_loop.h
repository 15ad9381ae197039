// A loop, a clock and a worker without threads and without waiting: time is a number that jumps to
// the next timer when nothing is ready. A test that would take an hour of timeouts takes no time,
// and with a seed every run interleaves turns, timers and jobs in another, repeatable order.
//
//   SimulatedLoop loop({.seed = 7});
//   SimulatedClock clock(loop);
//   SimulatedWorker worker(loop, {.seed = 7, .delay_ms_max = 20});
//   ... make the thing under test with these ...
//   ASSERT_TRUE(loop.run_until([&] { return answered; }, 10'000));  // at most 10 s of its time
//
// Rules that a seed never breaks: posted tasks run in the order of posting, timers in the order of
// their times, a turn's end tasks after every turn.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "io/clock.h"
#include "io/executor.h"
#include "io/simulated_random.h"

namespace rstmdb::io {

class SimulatedLoop final : public Loop {
 public:
  struct Options {
    /// None: turns as long as they can be, posted tasks and timers in turns. Else the seed chooses.
    std::optional<uint64_t> seed;
  };
  using Condition = std::move_only_function<bool()>;

  SimulatedLoop() = default;
  explicit SimulatedLoop(Options options);

  void post(Task task) override;  // for the one thread only
  TimerId run_after(int64_t delay_ms, Task task) override;
  void cancel(TimerId timer) override;
  void at_turn_end(Task task) override;
  /// Runs until stop(), or until there is nothing left that could ever happen.
  void run() override;
  void stop() override { stopping_ = true; }

  /// Runs until `condition` holds (checked between turns) and says whether it does; gives up when
  /// `within_ms` of simulated time have passed, at stop(), or when nothing is left to happen.
  bool run_until(Condition condition, int64_t within_ms);
  /// Lets exactly `duration_ms` pass, with everything that is due in them.
  void run_for(int64_t duration_ms);

  /// Nanoseconds since the loop was made.
  int64_t now_ns() const { return now_ns_; }
  /// Lets time go on inside of a task, as a system call does that takes long.
  void pass(int64_t duration_ns) { now_ns_ += duration_ns; }
  /// The process is gone, and with it all that it would have run; time goes on from here. For
  /// between two runs, when the owners of the tasks are gone.
  void forget_all();

 private:
  struct Due {
    int64_t at_ns;
    TimerId id;  // grows, so timers of the same time keep their order
    auto operator<=>(const Due&) const = default;
  };
  /// Where a timer's task waits; the id's low bits say where, so that one is cancelled without a
  /// search.
  struct Slot {
    TimerId id = 0;  // 0: free
    Task task;
  };
  bool timer_is_due() const { return !due_.empty() && due_.front().at_ns <= now_ns_; }
  bool ready() const { return !posted_.empty() || timer_is_due(); }
  Task take_timer();
  void drop_cancelled();
  Slot& slot_of(TimerId id);
  void run_turn();
  bool take_timer_next();
  bool jump_to_next_timer(int64_t until_ns);

  std::optional<SimulatedRandom> random_;
  int64_t now_ns_ = 0;
  uint64_t timers_made_ = 0;
  std::deque<Task> posted_;
  std::vector<Due> due_;  // a heap; its first one is the next, and is not cancelled
  std::vector<Slot> slots_;
  std::vector<size_t> free_slots_;
  std::deque<Task> turn_end_tasks_;
  bool stopping_ = false;
  bool timers_turn_ = false;
};

/// Shows the loop's time; the wall clock can be made to jump, and to run too fast or too slowly.
class SimulatedClock final : public Clock {
 public:
  static constexpr int64_t kWallStartMs = 1'800'000'000'000;
  explicit SimulatedClock(const SimulatedLoop& loop) : loop_(loop) {}

  int64_t wall_ms() override {
    return kWallStartMs + loop_.now_ns() / 1'000'000 + drifted_ms() + jumped_ms_;
  }
  int64_t steady_ns() override { return loop_.now_ns(); }
  /// Moves the wall clock, forward or (negative) back. The steady clock does not notice.
  void jump_wall(int64_t by_ms) { jumped_ms_ += by_ms; }
  /// From now on the wall clock gains `ppm` microseconds in each second; negative: it loses them.
  void drift(int64_t ppm) {
    jumped_ms_ += drifted_ms();
    drifts_since_ns_ = loop_.now_ns();
    drift_ppm_ = ppm;
  }

 private:
  int64_t drifted_ms() const {
    return (loop_.now_ns() - drifts_since_ns_) / 1'000'000 * drift_ppm_ / 1'000'000;
  }

  const SimulatedLoop& loop_;
  int64_t jumped_ms_ = 0;
  int64_t drift_ppm_ = 0;
  int64_t drifts_since_ns_ = 0;
};

/// Runs each job as a task of the loop, after a delay that the seed chooses.
class SimulatedWorker final : public Worker {
 public:
  struct Options {
    uint64_t seed = 1;
    int64_t delay_ms_max = 0;  // of each job
  };
  SimulatedWorker(SimulatedLoop& loop, Options options);
  explicit SimulatedWorker(SimulatedLoop& loop) : SimulatedWorker(loop, Options{}) {}
  /// Drops the jobs that have not run.
  ~SimulatedWorker() override;
  void run(Task job, Task done) override;

 private:
  struct Job {
    Task job;
    Task done;
  };
  void begin_next();

  SimulatedLoop& loop_;
  SimulatedRandom random_;
  int64_t delay_ms_max_;
  std::deque<Job> jobs_;
  Loop::TimerId waiting_ = 0;  // 0: no job under way
};

}  // namespace rstmdb::io
