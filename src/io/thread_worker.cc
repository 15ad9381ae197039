#include "io/thread_worker.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::io {

ThreadWorker::ThreadWorker(Loop& loop, Priority priority)
    : loop_(loop), thread_([this, priority] {
        if (priority == Priority::kBackground) step_back();
        work();
      }) {}

/// On Linux a thread has a niceness and an I/O priority of its own. Where it may not be changed,
/// the worker is only less polite.
void ThreadWorker::step_back() {
  constexpr int kNiceness = 10;
  constexpr int kOneThread = 1;                     // IOPRIO_WHO_PROCESS
  constexpr int kBestEffortLowest = (2 << 13) | 7;  // class and level
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness));
  static_cast<void>(::syscall(SYS_ioprio_set, kOneThread, 0, kBestEffortLowest));
}

ThreadWorker::~ThreadWorker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ThreadWorker::run(Task job, Task done) {
  {
    const std::lock_guard lock(mutex_);
    RSTMDB_CHECK(jobs_.size() < limits::kWorkerJobsMax, std::to_string(jobs_.size()));
    jobs_.push_back({std::move(job), std::move(done)});
  }
  changed_.notify_one();
}

void ThreadWorker::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job next = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    next.job();
    next.job = nullptr;  // what it holds is gone before its end is told
    loop_.post(std::move(next.done));
    lock.lock();
  }
}

}  // namespace rstmdb::io
