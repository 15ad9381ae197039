// A loop, a worker and a clock for the log's tests: nothing happens until the test says so.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/executor.h"

namespace rstmdb::log {

class ManualClock final : public io::Clock {
 public:
  int64_t wall_ms() override { return now_ns / 1'000'000; }
  int64_t steady_ns() override { return now_ns; }
  int64_t now_ns = 0;
};

/// Tasks run in run_posted(), timers in advance_ms().
class ManualLoop final : public io::Loop {
 public:
  explicit ManualLoop(ManualClock& clock) : clock_(clock) {}

  void post(io::Task task) override { posted_.push_back(std::move(task)); }
  TimerId run_after(int64_t delay_ms, io::Task task) override {
    timers_.emplace(++last_timer_, Timer{clock_.now_ns + delay_ms * 1'000'000, std::move(task)});
    return last_timer_;
  }
  void cancel(TimerId timer) override { timers_.erase(timer); }
  void at_turn_end(io::Task) override {}
  void run() override { run_posted(); }
  void stop() override {}

  void run_posted() {
    while (!posted_.empty()) {
      io::Task task = std::move(posted_.front());
      posted_.pop_front();
      task();
    }
  }
  /// Time goes on; every timer that falls due runs.
  void advance_ms(int64_t ms) {
    clock_.now_ns += ms * 1'000'000;
    for (auto due = next_due(); due != timers_.end(); due = next_due()) {
      io::Task task = std::move(due->second.task);
      timers_.erase(due);
      task();
    }
  }
  size_t timer_count() const { return timers_.size(); }

 private:
  struct Timer {
    int64_t at_ns;
    io::Task task;
  };
  std::map<TimerId, Timer>::iterator next_due() {
    auto due = timers_.begin();
    while (due != timers_.end() && due->second.at_ns > clock_.now_ns) ++due;
    return due;
  }

  ManualClock& clock_;
  std::deque<io::Task> posted_;
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
};

/// Jobs wait until run_jobs(); their ends are posted to the loop.
class ManualWorker final : public io::Worker {
 public:
  explicit ManualWorker(io::Loop& loop) : loop_(loop) {}
  void run(io::Task job, io::Task done) override {
    jobs_.emplace_back(std::move(job), std::move(done));
  }
  void run_jobs() {
    while (!jobs_.empty()) {
      auto [job, done] = std::move(jobs_.front());
      jobs_.pop_front();
      job();
      loop_.post(std::move(done));
    }
  }
  size_t job_count() const { return jobs_.size(); }

 private:
  io::Loop& loop_;
  std::deque<std::pair<io::Task, io::Task>> jobs_;
};

}  // namespace rstmdb::log
