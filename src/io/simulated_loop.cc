#include "io/simulated_loop.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/limits.h"

namespace rstmdb::io {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kDelayMsMax = int64_t{365} * 24 * 60 * 60 * 1000;  // keeps the sum in range
constexpr uint64_t kSeededTurnTasksMax = 8;

}  // namespace

SimulatedLoop::SimulatedLoop(Options options) {
  if (options.seed) random_.emplace(*options.seed);
}

void SimulatedLoop::post(Task task) { posted_.push_back(std::move(task)); }

Loop::TimerId SimulatedLoop::run_after(int64_t delay_ms, Task task) {
  const TimerId id = ++last_timer_;
  const int64_t at_ns = now_ns_ + std::clamp<int64_t>(delay_ms, 0, kDelayMsMax) * kNsPerMs;
  timers_.emplace(Due{at_ns, id}, std::move(task));
  timer_times_.emplace(id, at_ns);
  return id;
}

void SimulatedLoop::cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase(Due{found->second, timer});
  timer_times_.erase(found);
}

void SimulatedLoop::at_turn_end(Task task) { turn_end_tasks_.push_back(std::move(task)); }

void SimulatedLoop::run() {
  while (!stopping_ && (ready() || jump_to_next_timer(kNever))) run_turn();
  stopping_ = false;
}

bool SimulatedLoop::run_until(Condition condition, int64_t within_ms) {
  const int64_t until_ns = now_ns_ + within_ms * kNsPerMs;
  bool holds = condition();
  while (!holds && !stopping_ && (ready() || jump_to_next_timer(until_ns))) {
    run_turn();
    holds = condition();
  }
  stopping_ = false;
  return holds;
}

void SimulatedLoop::run_for(int64_t duration_ms) {
  const int64_t until_ns = now_ns_ + duration_ms * kNsPerMs;
  while (ready() || jump_to_next_timer(until_ns)) run_turn();
  now_ns_ = until_ns;
}

void SimulatedLoop::forget_all() {
  // A task's end may post another one: what is forgotten is taken out first.
  while (!posted_.empty() || !timers_.empty() || !turn_end_tasks_.empty()) {
    const auto posted = std::exchange(posted_, {});
    const auto timers = std::exchange(timers_, {});
    const auto at_turn_ends = std::exchange(turn_end_tasks_, {});
  }
  timer_times_.clear();
  stopping_ = false;
}

bool SimulatedLoop::ready() const {
  return !posted_.empty() || (!timers_.empty() && timers_.begin()->first.at_ns <= now_ns_);
}

void SimulatedLoop::run_turn() {
  const uint64_t tasks_max =
      random_ ? 1 + random_->below(kSeededTurnTasksMax) : limits::kTurnHandlersMax;
  for (uint64_t done = 0; done < tasks_max && ready(); ++done) {
    Task task;
    if (take_timer_next()) {
      const auto first = timers_.begin();
      task = std::move(first->second);
      timer_times_.erase(first->first.id);
      timers_.erase(first);
    } else {
      task = std::move(posted_.front());
      posted_.pop_front();
    }
    task();
  }
  for (size_t i = 0; i < turn_end_tasks_.size(); ++i) turn_end_tasks_[i]();
}

bool SimulatedLoop::take_timer_next() {
  if (timers_.empty() || timers_.begin()->first.at_ns > now_ns_) return false;
  if (posted_.empty()) return true;
  timers_turn_ = random_ ? random_->below(2) == 0 : !timers_turn_;
  return timers_turn_;
}

bool SimulatedLoop::jump_to_next_timer(int64_t until_ns) {
  if (timers_.empty() || timers_.begin()->first.at_ns > until_ns) return false;
  now_ns_ = std::max(now_ns_, timers_.begin()->first.at_ns);
  return true;
}

SimulatedWorker::SimulatedWorker(SimulatedLoop& loop, Options options)
    : loop_(loop), random_(options.seed), delay_ms_max_(options.delay_ms_max) {}

SimulatedWorker::~SimulatedWorker() { loop_.cancel(waiting_); }

void SimulatedWorker::run(Task job, Task done) {
  jobs_.push_back({std::move(job), std::move(done)});
  if (waiting_ == 0) begin_next();
}

void SimulatedWorker::begin_next() {
  const auto delay_ms =
      static_cast<int64_t>(random_.below(static_cast<uint64_t>(delay_ms_max_) + 1));
  waiting_ = loop_.run_after(delay_ms, [this] {
    Job next = std::move(jobs_.front());
    jobs_.pop_front();
    waiting_ = 0;
    if (!jobs_.empty()) begin_next();
    next.job();
    next.job = nullptr;
    loop_.post(std::move(next.done));
  });
}

}  // namespace rstmdb::io
