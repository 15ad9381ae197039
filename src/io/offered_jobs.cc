#include "io/offered_jobs.h"

#include <utility>

#include "base/check.h"

namespace rstmdb::io {

OfferedJobs::OfferedJobs(Ahead how, size_t slots, Job job)
    : job_(std::move(job)), states_(std::make_unique<std::atomic<State>[]>(slots)), slots_(slots) {
  if (how == Ahead::kThread) thread_ = std::thread([this] { work(); });
}

OfferedJobs::~OfferedJobs() {
  if (!thread_.joinable()) return;
  ending_.store(true, std::memory_order_relaxed);
  wake();
  thread_.join();
}

void OfferedJobs::offer(size_t slot) {
  RSTMDB_CHECK(slot < slots_, "a slot that there is");
  // From here on what the job uses may be read by the other thread.
  states_[slot].store(State::kOffered, std::memory_order_release);
}

void OfferedJobs::wake() {
  wakes_.fetch_add(1, std::memory_order_release);
  wakes_.notify_one();
}

bool OfferedJobs::begin(size_t slot) {
  State offered = states_[slot].load(std::memory_order_relaxed);
  return offered == State::kOffered &&
         states_[slot].compare_exchange_strong(offered, State::kBegun, std::memory_order_acquire,
                                               std::memory_order_relaxed);
}

void OfferedJobs::finish(size_t slot) {
  if (begin(slot)) {
    job_(slot);
    states_[slot].store(State::kDone, std::memory_order_relaxed);
  } else {
    await_end(slot);
  }
}

void OfferedJobs::withdraw(size_t slot) {
  if (!begin(slot)) await_end(slot);
  states_[slot].store(State::kNone, std::memory_order_relaxed);
}

/// Jobs are short; but the thread that has begun one may have lost its processor, perhaps to this.
void OfferedJobs::await_end(size_t slot) const {
  constexpr int kLooksBeforeYielding = 1'000;
  for (int looks = 0; states_[slot].load(std::memory_order_acquire) == State::kBegun; ++looks) {
    if (looks >= kLooksBeforeYielding) std::this_thread::yield();
  }
}

/// Whether there was anything: more may have been offered meanwhile.
bool OfferedJobs::do_what_is_offered() {
  bool anything = false;
  for (size_t slot = 0; slot < slots_; ++slot) {
    if (!begin(slot)) continue;
    job_(slot);
    states_[slot].store(State::kDone, std::memory_order_release);
    anything = true;
  }
  return anything;
}

void OfferedJobs::work() {
  while (true) {
    const uint32_t seen = wakes_.load(std::memory_order_acquire);
    if (ending_.load(std::memory_order_relaxed)) return;
    while (do_what_is_offered()) continue;
    wakes_.wait(seen, std::memory_order_relaxed);
  }
}

}  // namespace rstmdb::io
