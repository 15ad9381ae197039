// The production Worker: one thread that runs jobs in the order given.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "io/executor.h"

namespace rstmdb::io {

class ThreadWorker final : public Worker {
 public:
  /// kBackground: for jobs that nobody waits for. The system gives the thread what processor and
  /// disk time the others leave, as far as it can.
  enum class Priority { kNormal, kBackground };
  /// `loop` outlives the worker; the ends of jobs are posted to it.
  explicit ThreadWorker(Loop& loop, Priority priority = Priority::kNormal);
  /// Runs every job that was given, then ends the thread. Ends of jobs are still posted.
  ~ThreadWorker() override;

  /// For the loop's thread. limits::kWorkerJobsMax jobs waiting is our own mistake and aborts.
  void run(Task job, Task done) override;

 private:
  struct Job {
    Task job;
    Task done;
  };
  void work();
  static void step_back();

  Loop& loop_;
  std::mutex mutex_;  // of jobs_ and ending_
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace rstmdb::io
