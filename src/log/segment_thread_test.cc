// The segment log between two real threads: flushes and preparations on a worker, everything else
// here. Meant for the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "io/file_system.h"
#include "io/simulated_file_system.h"
#include "log/log_test_support.h"

namespace rstmdb::log {
namespace {

/// A thread that runs jobs; their ends are taken by run_one_end() on the test's own thread.
class ThreadedWorker final : public io::Worker {
 public:
  ThreadedWorker() : thread_([this] { work(); }) {}
  ~ThreadedWorker() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void run(io::Task job, io::Task done) override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace_back(std::move(job), std::move(done));
    }
    changed_.notify_all();
  }
  /// Waits for a job to end; false when none does within ten seconds.
  bool run_one_end() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !ends_.empty(); }))
      return false;
    io::Task end = std::move(ends_.front());
    ends_.pop_front();
    lock.unlock();
    end();
    return true;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      auto [job, done] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
      ends_.push_back(std::move(done));
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<io::Task, io::Task>> jobs_;
  std::deque<io::Task> ends_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Each look at the clock is 5 ms later, so every flush counts as slow.
class RushingClock final : public io::Clock {
 public:
  int64_t wall_ms() override { return 0; }
  int64_t steady_ns() override { return now_ns_ += 5'000'000; }

 private:
  std::atomic<int64_t> now_ns_ = 0;
};

class SegmentThreads : public ::testing::Test {
 protected:
  std::unique_ptr<SegmentLog> open() {
    auto opened = SegmentLog::open({.files = files_,
                                    .loop = loop_,
                                    .worker = worker_,
                                    .background = worker_,
                                    .clock = clock_,
                                    .random = random_,
                                    .folder = "/log",
                                    .segment_bytes = 20'000});
    EXPECT_TRUE(opened.ok());
    listener_ = {};
    listener_.committed = opened->log->committed();
    opened->log->set_listener(listener_);
    return std::move(opened->log);
  }

  io::SimulatedFileSystem files_;
  ManualClock loop_clock_;
  ManualLoop loop_{loop_clock_};
  RushingClock clock_;
  CountingRandom random_;
  RememberingListener listener_;
  ThreadedWorker worker_;
};

TEST_F(SegmentThreads, flush_on_the_worker_while_the_loop_appends_and_reads) {
  auto log = open();
  const auto cursor = log->read_from(1);
  ASSERT_TRUE(cursor.ok());
  size_t read = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(append_one(*log, 1, 100).ok());
    log->flush();
    if (i % 10 == 9 && log->uncommitted_bytes() != 0) {
      ASSERT_TRUE(worker_.run_one_end());
    }
    while ((*cursor)->next().value()) ++read;
    if (i % 500 == 499) {
      bool trimmed = false;
      log->trim(log->committed() / 2, [&trimmed](const Result<Trimmed>& outcome) {
        EXPECT_TRUE(outcome.ok());
        trimmed = true;
      });
      while (!trimmed) ASSERT_TRUE(worker_.run_one_end());
    }
  }
  while (log->committed() < 2000) ASSERT_TRUE(worker_.run_one_end());
  while ((*cursor)->next().value()) ++read;
  EXPECT_EQ(read, 2000u);
  EXPECT_EQ(listener_.failures, 0);
}

TEST_F(SegmentThreads, close_and_destruction_meet_a_flush_that_is_under_way) {
  Offset promised = 0;
  for (int round = 0; round < 200; ++round) {
    auto log = open();
    EXPECT_GE(log->committed(), promised);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(append_one(*log, 1, 3000).ok());
      log->flush();
    }
    if (round % 2 == 0) {
      ASSERT_TRUE(log->close().ok());
      EXPECT_EQ(log->committed(), log->next_offset() - 1);
    }
    promised = listener_.committed;
    log.reset();
  }
}

}  // namespace
}  // namespace rstmdb::log
