#include "io/simulated_loop.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::io {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kDelayMsMax = int64_t{365} * 24 * 60 * 60 * 1000;  // keeps the sum in range
constexpr uint64_t kSeededTurnTasksMax = 8;
constexpr uint64_t kSlotsMax = uint64_t{1} << 24;  // of timers at a time

}  // namespace

SimulatedLoop::SimulatedLoop(Options options) {
  if (options.seed) random_.emplace(*options.seed);
}

void SimulatedLoop::post(Task task) { posted_.push_back(std::move(task)); }

Loop::TimerId SimulatedLoop::run_after(int64_t delay_ms, Task task) {
  if (free_slots_.empty()) {
    RSTMDB_CHECK(slots_.size() < kSlotsMax, "so many timers at a time");
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const TimerId id = ++timers_made_ * kSlotsMax + free_slots_.back();
  free_slots_.pop_back();
  slot_of(id).id = id;
  slot_of(id).task = std::move(task);
  due_.push_back({now_ns_ + std::clamp<int64_t>(delay_ms, 0, kDelayMsMax) * kNsPerMs, id});
  std::ranges::push_heap(due_, std::greater());
  return id;
}

void SimulatedLoop::cancel(TimerId timer) {
  if (timer == 0 || timer % kSlotsMax >= slots_.size() || slot_of(timer).id != timer) return;
  Slot& slot = slot_of(timer);
  slot.id = 0;
  free_slots_.push_back(timer % kSlotsMax);
  const Task cancelled = std::exchange(slot.task, nullptr);
  drop_cancelled();
}

SimulatedLoop::Slot& SimulatedLoop::slot_of(TimerId id) { return slots_[id % kSlotsMax]; }

void SimulatedLoop::drop_cancelled() {
  while (!due_.empty() && slot_of(due_.front().id).id != due_.front().id) {
    std::ranges::pop_heap(due_, std::greater());
    due_.pop_back();
  }
}

/// The next timer's task, which is taken out.
Task SimulatedLoop::take_timer() {
  const TimerId id = due_.front().id;
  Slot& slot = slot_of(id);
  slot.id = 0;
  free_slots_.push_back(id % kSlotsMax);
  Task task = std::exchange(slot.task, nullptr);
  drop_cancelled();
  return task;
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
  while (!posted_.empty() || !due_.empty() || !turn_end_tasks_.empty()) {
    const auto posted = std::exchange(posted_, {});
    const auto timers = std::exchange(slots_, {});
    const auto at_turn_ends = std::exchange(turn_end_tasks_, {});
    due_.clear();
    free_slots_.clear();
  }
  stopping_ = false;
}

void SimulatedLoop::run_turn() {
  const uint64_t tasks_max =
      random_ ? 1 + random_->below(kSeededTurnTasksMax) : limits::kTurnHandlersMax;
  for (uint64_t done = 0; done < tasks_max && ready(); ++done) {
    Task task;
    if (take_timer_next()) {
      task = take_timer();
    } else {
      task = std::move(posted_.front());
      posted_.pop_front();
    }
    task();
  }
  for (size_t i = 0; i < turn_end_tasks_.size(); ++i) turn_end_tasks_[i]();
}

bool SimulatedLoop::take_timer_next() {
  if (!timer_is_due()) return false;
  if (posted_.empty()) return true;
  timers_turn_ = random_ ? random_->below(2) == 0 : !timers_turn_;
  return timers_turn_;
}

bool SimulatedLoop::jump_to_next_timer(int64_t until_ns) {
  if (due_.empty() || due_.front().at_ns > until_ns) return false;
  now_ns_ = std::max(now_ns_, due_.front().at_ns);
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
