// What every Loop and Worker promises, asked of the production ones and of the simulated ones.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "io/asio_loop.h"
#include "io/random.h"
#include "io/simulated_loop.h"
#include "io/thread_worker.h"

namespace rstmdb::io {
namespace {

struct LoopKind {
  const char* name;
  std::unique_ptr<Loop> (*make)();
  std::unique_ptr<Worker> (*make_worker)(Loop&);
};

std::unique_ptr<Worker> thread_worker(Loop& loop) { return std::make_unique<ThreadWorker>(loop); }
std::unique_ptr<Worker> simulated_worker(Loop& loop) {
  return std::make_unique<SimulatedWorker>(static_cast<SimulatedLoop&>(loop),
                                           SimulatedWorker::Options{.seed = 3, .delay_ms_max = 9});
}

const LoopKind kKinds[] = {
    {"Asio", [] { return std::unique_ptr<Loop>(std::make_unique<AsioLoop>()); }, thread_worker},
    {"AsioSleepingAtOnce",
     [] {
       return std::unique_ptr<Loop>(std::make_unique<AsioLoop>(AsioLoop::Options{.spin_us = 0}));
     },
     thread_worker},
    {"Simulated", [] { return std::unique_ptr<Loop>(std::make_unique<SimulatedLoop>()); },
     simulated_worker},
    {"SimulatedSeeded",
     [] {
       return std::unique_ptr<Loop>(
           std::make_unique<SimulatedLoop>(SimulatedLoop::Options{.seed = 11}));
     },
     simulated_worker},
};

class LoopContract : public testing::TestWithParam<LoopKind> {
 protected:
  std::unique_ptr<Loop> loop = GetParam().make();
};

TEST_P(LoopContract, RunsPostedTasksInOrderOfPosting) {
  std::vector<int> ran;
  for (int i = 0; i < 1000; ++i)
    loop->post([&, i] {
      ran.push_back(i);
      if (i == 500) loop->post([&] { ran.push_back(1000); });
      if (i == 999) loop->post([&] { loop->stop(); });
    });
  loop->run();
  ASSERT_EQ(ran.size(), 1001u);
  for (int i = 0; i <= 1000; ++i) EXPECT_EQ(ran[i], i);
}

TEST_P(LoopContract, RunsTimersInOrderOfTimeAndNotTheCancelled) {
  std::string ran;
  loop->run_after(30, [&] { ran += 'c'; });
  const Loop::TimerId forgotten = loop->run_after(15, [&] { ran += 'x'; });
  loop->run_after(10, [&] { ran += 'b'; });
  const Loop::TimerId past = loop->run_after(-5, [&] { ran += 'a'; });
  loop->run_after(60, [&] {
    loop->cancel(past);  // has run: no error
    loop->stop();
  });
  EXPECT_NE(forgotten, 0u);
  loop->cancel(forgotten);
  loop->cancel(0);
  loop->run();
  EXPECT_EQ(ran, "abc");
}

TEST_P(LoopContract, CancellingNoTimerTakesNothingFromLaterOnes) {
  std::string ran;
  loop->run_after(1, [&] {
    loop->cancel(0);
    loop->cancel(0);
    loop->run_after(1, [&] { ran += 'a'; });
    loop->run_after(2, [&] { ran += 'b'; });
    loop->run_after(3, [&] { loop->stop(); });
  });
  loop->run();
  EXPECT_EQ(ran, "ab");
}

TEST_P(LoopContract, ATimerMayCancelAnotherThatIsDue) {
  bool second_ran = false;
  Loop::TimerId second = 0;
  loop->run_after(5, [&] { loop->cancel(second); });
  second = loop->run_after(5, [&] { second_ran = true; });
  loop->run_after(20, [&] { loop->stop(); });
  loop->run();
  EXPECT_FALSE(second_ran);
}

TEST_P(LoopContract, EndsATurnAfterEveryTaskAndAfterABoundedNumber) {
  int ran = 0;
  int ran_at_last_end = 0;
  int longest = 0;
  int ends_after_end = 0;
  loop->at_turn_end([&] {
    longest = std::max(longest, ran - ran_at_last_end);
    ran_at_last_end = ran;
  });
  loop->at_turn_end([&] {
    ++ends_after_end;
    EXPECT_EQ(ran_at_last_end, ran) << "end tasks run in the order of being added";
  });
  for (int i = 0; i < 3000; ++i) loop->post([&] { ++ran; });
  loop->run_after(20, [&] { loop->post([&] { ++ran, loop->stop(); }); });
  loop->run();
  EXPECT_EQ(ran, 3001);
  EXPECT_EQ(ran_at_last_end, 3001) << "the turn of stop() has its end too";
  EXPECT_LE(longest, static_cast<int>(limits::kTurnHandlersMax));
  EXPECT_GE(ends_after_end, 3001 / static_cast<int>(limits::kTurnHandlersMax));
}

TEST_P(LoopContract, ATurnEndTaskMayAddAnotherAndPost) {
  std::string ran;
  bool added = false;
  loop->at_turn_end([&] {
    if (added) return;
    added = true;
    ran += 'a';
    loop->at_turn_end([&] { ran += 'b'; });
    loop->post([&] { loop->stop(); });
  });
  loop->post([] {});
  loop->run();
  EXPECT_TRUE(ran == "abb" || ran == "ab") << ran;
}

TEST_P(LoopContract, StopBeforeRunReturnsAtOnceAndRunMayBeCalledAgain) {
  loop->stop();
  loop->run();
  bool ran = false;
  loop->post([&] {
    ran = true;
    loop->stop();
  });
  loop->run();
  EXPECT_TRUE(ran);
}

TEST_P(LoopContract, AWorkerRunsJobsOneByOneAndTellsTheirEndOnTheLoop) {
  std::string jobs;
  std::string ends;
  const auto loop_thread = std::this_thread::get_id();
  {
    const auto worker = GetParam().make_worker(*loop);
    for (char c = 'a'; c <= 'j'; ++c) {
      worker->run([&jobs, c] { jobs += c; },
                  [&, c] {
                    ends += c;
                    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
                    if (c == 'j') loop->stop();
                  });
    }
    loop->run();
  }
  EXPECT_EQ(jobs, "abcdefghij");
  EXPECT_EQ(ends, "abcdefghij");
}

INSTANTIATE_TEST_SUITE_P(All, LoopContract, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

TEST(AsioLoop, TakesTasksFromOtherThreads) {
  AsioLoop loop;
  constexpr int kEach = 5000;
  int ran = 0;
  const auto poster = [&] {
    for (int i = 0; i < kEach; ++i)
      loop.post([&] {
        if (++ran == 2 * kEach) loop.stop();
      });
  };
  std::thread first(poster);
  std::thread second(poster);
  loop.run();
  first.join();
  second.join();
  EXPECT_EQ(ran, 2 * kEach);
}

TEST(AsioLoop, StopFromAnotherThreadWakesASleepingLoop) {
  AsioLoop loop;
  std::thread stopper;
  loop.post([&] { stopper = std::thread([&] { loop.stop(); }); });
  loop.run();
  stopper.join();
}

TEST(AsioLoop, TellsSignalsEachTime) {
  AsioLoop loop;
  std::vector<int> seen;
  loop.on_signal({SIGHUP, SIGUSR1}, [&](int number) {
    seen.push_back(number);
    if (number == SIGUSR1) return loop.stop();
    std::raise(seen.size() < 2 ? SIGHUP : SIGUSR1);
  });
  loop.post([] { std::raise(SIGHUP); });
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGHUP, SIGUSR1}));
}

TEST(AsioLoop, ASignalInterruptsNoCall) {
  AsioLoop loop;
  loop.on_signal({SIGHUP, SIGUSR1}, [](int) {});
  for (const int number : {SIGHUP, SIGUSR1}) {
    struct sigaction action = {};
    ASSERT_EQ(::sigaction(number, nullptr, &action), 0);
    EXPECT_NE(action.sa_flags & SA_RESTART, 0) << number;
  }
}

TEST(AsioLoop, DropsWhatHasNotRun) {
  const auto held = std::make_shared<int>(1);
  {
    AsioLoop loop;
    loop.post([held] {});
    loop.run_after(1, [held] {});
    loop.at_turn_end([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ThreadWorker, FinishesItsJobsBeforeItGoes) {
  std::atomic<int> ran = 0;
  int ends = 0;
  {
    AsioLoop loop;
    ThreadWorker worker(loop);
    for (int i = 0; i < 20; ++i) worker.run([&] { ++ran; }, [&] { ++ends; });
  }
  EXPECT_EQ(ran, 20);
}

TEST(ThreadWorkerDeathTest, MoreJobsThanItsQueueHoldsIsOurMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        AsioLoop loop;
        ThreadWorker worker(loop);
        std::mutex gate;
        gate.lock();
        for (size_t i = 0; i < limits::kWorkerJobsMax + 2; ++i)
          worker.run([&] { const std::lock_guard wait(gate); }, [] {});
      },
      "check failed");
}

TEST(SimulatedLoop, TimePassesOnlyByTimers) {
  SimulatedLoop loop;
  SimulatedClock clock(loop);
  int64_t fired_at = 0;
  loop.run_after(3'600'000, [&] { fired_at = clock.steady_ns(); });
  EXPECT_FALSE(loop.run_until([&] { return fired_at != 0; }, 3'599'999));
  EXPECT_EQ(clock.steady_ns(), 0);
  EXPECT_TRUE(loop.run_until([&] { return fired_at != 0; }, 3'600'000));
  EXPECT_EQ(fired_at, int64_t{3'600'000} * 1'000'000);
  loop.run_for(250);
  EXPECT_EQ(clock.wall_ms(), SimulatedClock::kWallStartMs + 3'600'250);
}

TEST(SimulatedLoop, TheWallClockJumpsAndTheSteadyOneDoesNot) {
  SimulatedLoop loop;
  SimulatedClock clock(loop);
  clock.jump_wall(-5000);
  EXPECT_EQ(clock.wall_ms(), SimulatedClock::kWallStartMs - 5000);
  EXPECT_EQ(clock.steady_ns(), 0);
}

std::string interleaving(uint64_t seed) {
  SimulatedLoop loop({.seed = seed});
  std::string order;
  loop.at_turn_end([&] { order += '|'; });
  for (int i = 0; i < 20; ++i) {
    loop.post([&order] { order += 'p'; });
    loop.run_after(0, [&order] { order += 't'; });
  }
  loop.run();
  return order;
}

TEST(SimulatedLoop, TheWallClockDriftsFromWhenItIsTold) {
  SimulatedLoop loop;
  SimulatedClock clock(loop);
  loop.run_for(5'000);
  const int64_t before = clock.wall_ms();
  clock.drift(100'000);
  EXPECT_EQ(clock.wall_ms(), before);
  loop.run_for(10'000);
  EXPECT_EQ(clock.wall_ms(), before + 11'000);
  clock.drift(-500'000);
  loop.run_for(10'000);
  EXPECT_EQ(clock.wall_ms(), before + 16'000);
}

TEST(SimulatedLoop, AProcessThatIsGoneRunsNothingMore) {
  SimulatedLoop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.run_after(1, [&] { ran = true; });
  loop.at_turn_end([&] { ran = true; });
  loop.pass(7'000'000);
  loop.forget_all();
  loop.post([] {});
  loop.run_for(10);
  EXPECT_FALSE(ran);
  EXPECT_EQ(loop.now_ns(), 17'000'000);
}

TEST(SimulatedLoop, ASeedGivesOneOrderAndOtherSeedsOthers) {
  EXPECT_EQ(interleaving(1), interleaving(1));
  EXPECT_NE(interleaving(1), interleaving(2));
}

TEST(SimulatedRandom, TheSameSeedGivesTheSameBytes) {
  SimulatedRandom a(5);
  SimulatedRandom b(5);
  SimulatedRandom c(6);
  const uint64_t first = a.next_u64();
  EXPECT_EQ(first, b.next_u64());
  EXPECT_NE(first, c.next_u64());
}

TEST(SystemRandom, FillsAnySizeAcrossItsDraws) {
  std::string all;
  for (size_t size : {0u, 1u, 16u, 4096u, 10'000u, 7u}) {
    std::string bytes(size, '\0');
    system_random().fill(bytes);
    if (size >= 16) {
      EXPECT_NE(bytes, std::string(size, '\0'));
      EXPECT_EQ(all.find(bytes.substr(0, 16)), std::string::npos);
    }
    all += bytes;
  }
}

TEST(SystemClock, GivesMillisecondsOfThisCenturyAndNeverGoesBack) {
  EXPECT_GT(system_clock().wall_ms(), 1'700'000'000'000);
  EXPECT_LT(system_clock().wall_ms(), 4'102'444'800'000);
  int64_t before = system_clock().steady_ns();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = system_clock().steady_ns();
    ASSERT_GE(now, before);
    before = now;
  }
}

}  // namespace
}  // namespace rstmdb::io
