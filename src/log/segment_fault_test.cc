// Failing disks and power cuts: what was committed is there after the next start, and the log never
// goes on after a failure.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "io/simulated_file_system.h"
#include "log/log_test_support.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;
using Fault = SimulatedFileSystem::Fault;

const std::string kFolder = "/data/log";

/// What the outside of a log knows: the promise against which a restart is measured.
struct Promise {
  Offset committed = 0;
  Offset appended = 0;
  Offset kept_from = 1;  // trimmed below
};

/// Expects `files` to hold a log with every promised unit, each as it was appended.
void expect_kept(SimulatedFileSystem& files, const Promise& promise, const std::string& when) {
  LogBench bench(files, kFolder);
  const auto opened = bench.open();
  ASSERT_TRUE(opened.ok()) << when << ": " << opened.error().to_string();
  Log& log = *opened->log;
  EXPECT_GE(log.committed(), promise.committed) << when;
  EXPECT_LE(log.committed(), promise.appended) << when;
  const Offset oldest = std::max<Offset>(log.stats().oldest_offset, 1);
  EXPECT_LE(oldest, promise.kept_from) << when;
  const auto units = read_units(log, oldest);
  ASSERT_TRUE(units.ok()) << when << ": " << units.error().to_string();
  Offset next = oldest;
  for (const OwnedUnit& unit : *units) {
    ASSERT_EQ(unit.first_offset, next) << when;
    const std::string text = unit_text(next, unit.record_count);
    ASSERT_EQ(unit.bytes.substr(0, text.size()), text) << when;
    next += unit.record_count;
  }
  EXPECT_EQ(next, log.next_offset()) << when;
}

/// A life of the log: opened, filled over several segments, trimmed, closed, opened again, filled.
/// Ends at the first failure. `promise` is kept up to date all the while.
class Life {
 public:
  Life(SimulatedFileSystem& files, SyncPolicy sync, Promise& promise)
      : promise_(promise), bench_(files, kFolder) {
    bench_.segment_bytes = 700;
    bench_.sync = sync;
    bench_.prepare = SegmentLog::Prepare::kNextSegment;
  }
  LogBench& bench() { return bench_; }

  void run() {
    if (!fill(12, 5)) return;
    static_cast<void>(fill(6, 3));
  }

 private:
  bool fill(int groups, int trim_at) {
    auto opened = bench_.open();
    if (!opened.ok()) return false;
    Log& log = *opened->log;
    log.set_listener(bench_.listener);
    bench_.listener.committed = log.committed();
    for (int i = 0; i < groups; ++i) {
      if (!append(log, i)) return false;
      if (i == trim_at) {
        promise_.kept_from = log.committed() / 2;
        const auto trimmed = trim_now(log, promise_.kept_from, [this] {
          bench_.worker.run_jobs();
          bench_.loop.run_posted();
        });
        if (!trimmed.ok()) return false;
      }
    }
    const bool well = log.close().ok();
    promise_.committed = bench_.listener.committed;
    return well;
  }

  bool append(Log& log, int i) {
    for (uint32_t unit = 0; unit < 2; ++unit) {
      promise_.appended = log.next_offset() + unit;
      const size_t size = static_cast<size_t>(i * 37 % 300);
      if (!append_one(log, 1 + unit, size).ok()) {
        EXPECT_EQ(bench_.listener.failures, 1);
        return false;
      }
      promise_.appended = log.next_offset() - 1;
    }
    log.flush();
    promise_.committed = bench_.listener.committed;
    EXPECT_EQ(log.committed(), bench_.listener.committed);
    bench_.worker.run_jobs();
    bench_.loop.run_posted();
    EXPECT_LE(bench_.listener.failures, 1);
    if (bench_.listener.failures == 0) return true;
    expect_stopped(log);
    return false;
  }

  /// After a failure nothing is taken, written, synced or promised any more.
  void expect_stopped(Log& log) {
    auto& files = static_cast<SimulatedFileSystem&>(bench_.files);
    const uint64_t calls = files.calls();
    const auto refused = append_one(log);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::kWalIoError);
    EXPECT_EQ(refused.error().detail("code"), "LOG_STOPPED");
    log.flush();
    EXPECT_EQ(log.committed(), promise_.committed);
    EXPECT_FALSE(log.close().ok());
    EXPECT_EQ(files.calls(), calls);
    EXPECT_EQ(bench_.listener.failures, 1);
  }

  Promise& promise_;
  LogBench bench_;
};

uint64_t calls_of_a_life() {
  SimulatedFileSystem files;
  Promise promise;
  Life(files, {}, promise).run();
  EXPECT_EQ(promise.committed, 54u);
  return files.calls();
}

TEST(SegmentFaults, whichever_call_fails_however_nothing_committed_is_lost) {
  const uint64_t calls = calls_of_a_life();
  size_t lives = 0;
  size_t restarts = 0;
  for (const auto effect : {Fault::Effect::kNothing, Fault::Effect::kPartial,
                            Fault::Effect::kPagesDropped, Fault::Effect::kDone}) {
    for (const auto repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForGood}) {
      for (const int number : {EIO, ENOSPC}) {
        for (uint64_t nth = 1; nth <= calls; ++nth) {
          SimulatedFileSystem files;
          Promise promise;
          files.inject({.call = Call::kAny,
                        .nth = nth,
                        .error_number = number,
                        .repeat = repeat,
                        .effect = effect});
          Life(files, {}, promise).run();
          ++lives;
          const std::string when =
              "call " + std::to_string(nth) + " effect " + std::to_string(static_cast<int>(effect));
          files.kill();
          files.clear_faults();
          for (uint64_t seed = 1; seed <= 3; ++seed, ++restarts) {
            const auto after = files.after_power_cut(nth * 7 + seed);
            expect_kept(*after, promise, when + " power cut " + std::to_string(seed));
          }
          expect_kept(files, promise, when);
          ++restarts;
          if (::testing::Test::HasFailure()) return;
        }
      }
    }
  }
  std::printf("faults: %zu lives of %llu calls, %zu restarts, nothing committed was lost\n", lives,
              static_cast<unsigned long long>(calls), restarts);
}

TEST(SegmentFaults, folders_that_a_failed_start_has_made_do_not_go_with_a_power_cut) {
  const std::string deep = "/above/data/log";
  const auto calls_of_a_start = [&deep](SimulatedFileSystem& files) {
    LogBench bench(files, deep);
    static_cast<void>(bench.open().ok());
    return files.calls();
  };
  SimulatedFileSystem well;
  const uint64_t calls = calls_of_a_start(well);
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    for (uint64_t seed = 0; seed < 16; ++seed) {
      SimulatedFileSystem files;
      files.inject({.call = Call::kAny, .nth = nth, .repeat = Fault::Repeat::kForGood});
      calls_of_a_start(files);
      files.kill();
      files.clear_faults();
      {
        LogBench bench(files, deep);
        auto log = bench.open_well();
        ASSERT_TRUE(append_one(*log).ok());
        log->flush();
        ASSERT_EQ(bench.listener.committed, 1u);
        files.power_cut(seed);
      }
      LogBench bench(files, deep);
      auto opened = bench.open();
      ASSERT_TRUE(opened.ok()) << opened.error().to_string();
      ASSERT_EQ(opened->log->committed(), 1u) << "call " << nth << " seed " << seed;
    }
  }
}

TEST(SegmentFaults, a_folder_above_that_may_not_be_opened_is_none_of_ours_unless_the_log_is_there) {
  const auto start = [](SimulatedFileSystem& files, int number) {
    files.inject({.call = Call::kSyncFolder, .error_number = number});
    LogBench bench(files, "/above/data/log");
    auto opened = bench.open();
    const bool ok = opened.ok();
    const int64_t shown = ok ? 0 : opened.error().detail_number("errno", 0);
    files.kill();
    files.clear_faults();
    return shown;
  };
  for (const int number : {EACCES, ELOOP}) {
    SimulatedFileSystem files;
    EXPECT_EQ(start(files, number), 0) << "nothing of ours is there yet";
    EXPECT_EQ(start(files, number), number) << "the log's own entry may not be on disk";
  }
  SimulatedFileSystem files;
  EXPECT_EQ(start(files, EIO), EIO);
}

/// A log whose `nth` sync fails and forgets its pages, without the machine going down; then one
/// more start and write.
void outlive_a_failed_sync(SimulatedFileSystem& files, uint64_t nth, Promise& promise) {
  files.inject({.call = Call::kSync, .nth = nth, .effect = Fault::Effect::kPagesDropped});
  Life(files, {}, promise).run();
  files.kill();
  LogBench bench(files, kFolder);
  bench.segment_bytes = 700;
  const auto log = bench.open_well();
  promise.committed = log->committed();  // whoever reads it now may rely on it
  promise.appended = std::max(promise.appended, promise.committed + 1);
  if (nth % 2 == 0) return;
  ASSERT_TRUE(append_one(*log, 1, 30).ok());
  log->flush();
  ASSERT_EQ(bench.listener.committed, promise.committed + 1);
  promise.committed = bench.listener.committed;
}

TEST(SegmentFaults, what_a_failed_sync_has_left_in_memory_alone_is_on_disk_after_a_start) {
  SimulatedFileSystem well;
  Promise promise;
  Life(well, {}, promise).run();
  const uint64_t syncs = well.calls(Call::kSync);
  for (uint64_t nth = 1; nth <= syncs; ++nth) {
    SimulatedFileSystem files;
    Promise kept;
    outlive_a_failed_sync(files, nth, kept);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      const auto after = files.after_power_cut(seed);
      expect_kept(*after, kept, "sync " + std::to_string(nth));
    }
    if (HasFailure()) return;
  }
}

TEST(SegmentFaults, a_full_disk_stops_the_log_and_leaves_no_torn_tail) {
  SimulatedFileSystem files;
  LogBench bench(files, kFolder);
  auto log = bench.open_well();
  ASSERT_TRUE(append_one(*log, 1, 500).ok());
  log->flush();
  files.inject({.call = Call::kWrite, .error_number = ENOSPC, .effect = Fault::Effect::kPartial});
  ASSERT_TRUE(append_one(*log, 1, 500).ok());
  log->flush();
  EXPECT_EQ(bench.listener.failures, 1);
  EXPECT_NE(bench.listener.failure.find("call=write"), std::string::npos) << bench.listener.failure;
  EXPECT_EQ(log->committed(), 1u);
  EXPECT_EQ(read_units(*log)->size(), 1u);
  log.reset();
  files.clear_faults();
  log = bench.open_well();
  EXPECT_EQ(bench.recovery.torn_bytes, 0u);
  EXPECT_EQ(log->committed(), 1u);
}

/// Takes power cuts before every call of a life, and expects the promise of that moment kept.
struct CutCounts {
  size_t cuts = 0;
  size_t cuts_in_recovery = 0;
};
CutCounts cut_everywhere(uint64_t seeds_per_call) {
  // Other states of the disk for each --gtest_shuffle --gtest_random_seed=N; 0 without.
  const uint64_t run = static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  CutCounts counts;
  SimulatedFileSystem files;
  Promise promise;
  Life life(files, {}, promise);
  uint64_t call_number = 0;
  files.before_each_call([&](Call, const std::string&) {
    ++call_number;
    promise.committed = std::max(promise.committed, life.bench().listener.committed);
    for (uint64_t seed = 1; seed <= seeds_per_call; ++seed) {
      const auto after = files.after_power_cut(run * 10'000'000 + call_number * 1000 + seed);
      // And once more in the middle of the recovery that follows.
      uint64_t recovery_calls = 0;
      after->before_each_call([&](Call, const std::string&) {
        if (++recovery_calls != 1 + seed % 17) return;
        const auto again = after->after_power_cut(run * 1000 + seed);
        expect_kept(*again, promise, "call " + std::to_string(call_number) + ", cut twice");
        ++counts.cuts_in_recovery;
      });
      expect_kept(*after, promise,
                  "call " + std::to_string(call_number) + " seed " + std::to_string(seed));
      after->before_each_call({});
      ++counts.cuts;
    }
  });
  life.run();
  files.before_each_call({});
  return counts;
}

TEST(SegmentPowerCuts, whatever_the_disk_kept_every_committed_unit_is_there) {
  const CutCounts counts = cut_everywhere(40);
  EXPECT_GT(counts.cuts, 3000u);
  std::printf("power cuts: %zu, and %zu more during recovery: every committed unit was there\n",
              counts.cuts, counts.cuts_in_recovery);
}

/// The disk of a life that was killed before its `nth` call: what was not synced is in the kernel's
/// memory alone. Nothing when the life has fewer calls.
std::unique_ptr<SimulatedFileSystem> killed_before(uint64_t nth, Promise& promise) {
  auto files = std::make_unique<SimulatedFileSystem>();
  files->inject({.call = Call::kAny, .nth = nth, .repeat = Fault::Repeat::kForGood});
  Life(*files, {}, promise).run();
  if (files->calls() < nth) return nullptr;
  files->kill();
  files->clear_faults();
  return files;
}

/// Has `act` do its calls on `files`, and the power fail before each of them.
size_t cut_before_each_call_of(SimulatedFileSystem& files, const Promise& promise,
                               const std::string& when, const std::function<void()>& act) {
  // Most is at stake just before a sync, and few of the states that a disk may show then are bad.
  const auto seeds_of = [](Call call) { return call == Call::kSync ? 48u : 2u; };
  const uint64_t run = static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  size_t cuts = 0;
  files.before_each_call([&](Call call, const std::string& path) {
    if (testing::Test::HasFailure()) return;
    for (uint64_t seed = 0; seed < seeds_of(call); ++seed, ++cuts) {
      const auto after = files.after_power_cut(run * 10'000'000 + cuts * 31 + seed);
      expect_kept(*after, promise, when + ", cut before a call on " + path);
    }
  });
  act();
  files.before_each_call({});
  return cuts;
}

// A start finds what a killed process has left to the kernel. Nothing that it writes may reach the
// disk before that, or the disk of a power cut tells of groups that it does not have.
TEST(SegmentPowerCuts, a_start_behind_a_kill_has_what_it_shows_on_disk_before_it_goes_on) {
  size_t kills = 0;
  size_t cuts = 0;
  while (!HasFailure()) {
    Promise promise;
    const auto files = killed_before(kills + 1, promise);
    if (!files) break;
    const std::string when = "killed before call " + std::to_string(++kills);
    LogBench bench(*files, kFolder);
    bench.segment_bytes = 700;
    std::unique_ptr<SegmentLog> log;
    cuts += cut_before_each_call_of(*files, promise, when, [&] { log = bench.open_well(); });
    if (!log) break;
    promise.committed = log->committed();  // whoever reads it now may rely on it
    promise.appended = log->next_offset();
    cuts += cut_before_each_call_of(*files, promise, when + " and started", [&] {
      ASSERT_TRUE(append_one(*log, 1, 900).ok());
      log->flush();
    });
    promise.committed = log->committed();
    expect_kept(*files->after_power_cut(kills), promise, when + ", started and written to");
  }
  EXPECT_GT(kills, 150u);
  std::printf("%zu power cuts, in starts behind %zu kills: every committed unit was there\n", cuts,
              kills);
}

/// The largest number of committed records that power cuts during a life took.
Offset worst_loss(SyncPolicy sync, std::function<void(LogBench&)> between) {
  SimulatedFileSystem files;
  Promise promise;
  LogBench bench(files, kFolder);
  bench.sync = sync;
  bench.segment_bytes = 2000;
  const auto log = bench.open_well();
  Offset worst = 0;
  for (int i = 0; i < 150; ++i) {
    EXPECT_TRUE(append_one(*log, 1 + i % 2, 20).ok());
    log->flush();
    for (uint64_t seed = 0; seed < 6; ++seed) {
      const auto after = files.after_power_cut(seed * 150 + i);
      LogBench restarted(*after, kFolder);
      const auto recovered = restarted.open();
      EXPECT_TRUE(recovered.ok()) << recovered.error().to_string();
      if (!recovered.ok()) return 0;
      const Offset left = recovered->log->committed();
      EXPECT_LE(left, log->next_offset() - 1);
      worst = std::max(worst, log->committed() - std::min(log->committed(), left));
    }
    between(bench);
  }
  return worst;
}

TEST(SegmentPolicies, every_write_loses_nothing) {
  EXPECT_EQ(worst_loss({}, [](LogBench&) {}), 0u);
}

TEST(SegmentPolicies, every_n_loses_at_most_n) {
  const Offset worst =
      worst_loss({.kind = SyncPolicy::Kind::kEveryN, .limit = 10}, [](LogBench&) {});
  EXPECT_LE(worst, 10u);
  EXPECT_GE(worst, 9u) << "the bound is used";
  std::printf("every_n 10: worst loss %llu\n", static_cast<unsigned long long>(worst));
}

TEST(SegmentPolicies, every_ms_loses_at_most_what_came_in_that_time) {
  const Offset worst = worst_loss({.kind = SyncPolicy::Kind::kEveryMs, .limit = 10},
                                  [](LogBench& bench) { bench.loop.advance_ms(1); });
  // One unit of 1 or 2 records each ms: in the 10 ms after the first unsynced one, ten more.
  EXPECT_LE(worst, 17u);
  EXPECT_GE(worst, 12u) << "the bound is used";
  std::printf("every_ms 10: worst loss %llu\n", static_cast<unsigned long long>(worst));
}

TEST(SegmentPolicies, never_syncs_only_at_rotation_and_close) {
  SimulatedFileSystem files;
  LogBench bench(files, kFolder);
  bench.sync = {.kind = SyncPolicy::Kind::kNever};
  const auto log = bench.open_well();
  const uint64_t syncs = log->stats().syncs;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(append_one(*log).ok());
    log->flush();
  }
  EXPECT_EQ(log->committed(), 100u);
  EXPECT_EQ(log->stats().syncs, syncs);
  ASSERT_TRUE(log->close().ok());
  const auto after = files.after_power_cut(0);
  LogBench after_cut(*after, kFolder);
  EXPECT_EQ(after_cut.open_well()->committed(), 100u);
}

constexpr std::array kEveryPolicy = {SyncPolicy{}, SyncPolicy{SyncPolicy::Kind::kEveryN, 1000},
                                     SyncPolicy{SyncPolicy::Kind::kEveryMs, 1000},
                                     SyncPolicy{SyncPolicy::Kind::kNever, 0}};

TEST(SegmentPolicies, a_sync_that_is_asked_for_is_made_under_every_policy) {
  for (const SyncPolicy& policy : kEveryPolicy) {
    SimulatedFileSystem files;
    LogBench bench(files, kFolder);
    bench.sync = policy;
    const auto log = bench.open_well();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(append_one(*log).ok());
    log->flush();
    EXPECT_EQ(log->committed(), 10u);
    EXPECT_EQ(log->durable(), policy.kind == SyncPolicy::Kind::kEveryWrite ? 10u : 0u);
    ASSERT_TRUE(append_one(*log).ok());
    log->sync();
    EXPECT_EQ(log->durable(), 11u);
    EXPECT_EQ(bench.listener.durable, 11u);
    const auto after = files.after_power_cut(3);
    LogBench after_cut(*after, kFolder);
    EXPECT_EQ(after_cut.open_well()->committed(), 11u);
  }
}

TEST(SegmentPolicies, a_sync_that_is_asked_for_follows_a_write_that_is_under_way) {
  for (const SyncPolicy& policy : kEveryPolicy) {
    SimulatedFileSystem files;
    LogBench bench(files, kFolder);
    bench.sync = policy;
    const auto log = bench.open_well();
    files.before_each_call([&bench](SimulatedFileSystem::Call call, const std::string&) {
      if (call == SimulatedFileSystem::Call::kSync) bench.clock.now_ns += 2'000'000'000;
    });
    ASSERT_TRUE(append_one(*log).ok());
    log->sync();
    ASSERT_EQ(log->durable(), 1u);
    ASSERT_TRUE(append_one(*log).ok());
    log->flush();
    ASSERT_EQ(bench.worker.job_count(), 1u) << "the disk is slow";
    log->sync();
    while (bench.worker.job_count() != 0) {
      bench.worker.run_jobs();
      bench.loop.run_posted();
    }
    EXPECT_EQ(log->durable(), 2u);
    EXPECT_EQ(bench.listener.durable, 2u);
    files.before_each_call({});
  }
}

TEST(SegmentPolicies, every_ms_syncs_by_its_timer_without_further_writes) {
  SimulatedFileSystem files;
  LogBench bench(files, kFolder);
  bench.sync = {.kind = SyncPolicy::Kind::kEveryMs, .limit = 20};
  const auto log = bench.open_well();
  const uint64_t syncs = log->stats().syncs;
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  EXPECT_EQ(log->committed(), 1u) << "released at once";
  EXPECT_EQ(log->stats().syncs, syncs);
  EXPECT_EQ(bench.loop.timer_count(), 1u);
  bench.loop.advance_ms(19);
  EXPECT_EQ(log->stats().syncs, syncs);
  bench.loop.advance_ms(1);
  EXPECT_EQ(log->stats().syncs, syncs + 1);
  bench.loop.advance_ms(1000);
  EXPECT_EQ(log->stats().syncs, syncs + 1) << "nothing to sync";
  EXPECT_EQ(bench.loop.timer_count(), 0u);
}

TEST(SegmentPolicies, a_sync_that_fails_in_the_timer_stops_the_log) {
  SimulatedFileSystem files;
  LogBench bench(files, kFolder);
  bench.sync = {.kind = SyncPolicy::Kind::kEveryMs, .limit = 5};
  const auto log = bench.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  files.inject({.call = Call::kSync, .effect = Fault::Effect::kPagesDropped});
  bench.loop.advance_ms(5);
  EXPECT_EQ(bench.listener.failures, 1);
  EXPECT_FALSE(append_one(*log).ok());
}

}  // namespace
}  // namespace rstmdb::log
