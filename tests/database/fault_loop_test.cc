// Complete loops over the life of the whole server: each of its file calls fails, in each way, once
// and for good, until a life is not struck any more. Whatever the server makes of it, it starts
// again afterwards with the state that was promised, also when the power has been cut in between.
//
// RSTMDB_COMPLETE_LOOPS=1 in the environment runs each call in all of the ways (minutes).
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/logging.h"
#include "scripted_life.h"

namespace rstmdb::app {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;
using Fault = SimulatedFileSystem::Fault;

struct Loop {
  size_t lives = 0;
  size_t starts = 0;
  Witness sum;
};

void add(Loop& loop, const Witness& witness) {
  ++loop.lives;
  loop.sum.starts_refused += witness.starts_refused;
  loop.sum.stopped_logs += witness.stopped_logs;
  loop.sum.refused_compactions += witness.refused_compactions;
  loop.sum.failed_ends += witness.failed_ends;
}

struct Way {
  Fault::Effect effect = Fault::Effect::kNothing;
  Fault::Repeat repeat = Fault::Repeat::kOnce;
  int number = EIO;
};

std::string shown(uint64_t nth, const Way& way) {
  return "call " + std::to_string(nth) + " effect " + std::to_string(static_cast<int>(way.effect)) +
         " repeat " + std::to_string(static_cast<int>(way.repeat)) + " errno " +
         std::to_string(way.number);
}

/// A life whose nth file call fails like this, and starts after it. False when it has no such call.
bool fail_call(Loop& loop, uint64_t nth, const Way& way) {
  SimulatedFileSystem files;
  Witness witness;
  files.inject(
      {.nth = nth, .error_number = way.number, .repeat = way.repeat, .effect = way.effect});
  ScriptedLife(files, witness).run();
  if (files.calls() < nth) return false;
  add(loop, witness);
  files.clear_faults();
  const std::string when = shown(nth, way);
  // Other states of the disk for each --gtest_shuffle --gtest_random_seed=N; 0 without.
  const auto run = static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  expect_promised_twice(*files.after_power_cut(run * 1'000'000 + nth), witness,
                        when + ", power cut");
  expect_promised_twice(files, witness, when);
  loop.starts += 4;
  if (testing::Test::HasFailure()) ADD_FAILURE() << when;
  return true;
}

/// For every n, each of `ways`, until a life has no nth call any more. In a short run each call
/// fails in one of the ways, another one than its neighbour.
void fail_every_call(Loop& loop, const std::vector<Way>& ways) {
  const bool complete = std::getenv("RSTMDB_COMPLETE_LOOPS") != nullptr;
  const size_t at_once = complete ? ways.size() : 1;
  std::vector<bool> struck(ways.size(), true);
  const auto goes_on = [&](uint64_t nth) {
    for (size_t i = 0; i < at_once; ++i) {
      const size_t way = (nth * at_once + i) % ways.size();
      if (struck[way]) struck[way] = fail_call(loop, nth, ways[way]);
      if (testing::Test::HasFailure()) return false;
    }
    return std::ranges::find(struck, true) != struck.end();
  };
  for (uint64_t nth = 1; goes_on(nth); ++nth) continue;
}

void print(const char* what, const Loop& loop) {
  std::printf(
      "%s: %zu lives with a fault, %zu starts after them: 0 differences; %llu starts refused by "
      "name, %llu logs stopped, %llu compactions refused, %llu ends that failed\n",
      what, loop.lives, loop.starts, static_cast<unsigned long long>(loop.sum.starts_refused),
      static_cast<unsigned long long>(loop.sum.stopped_logs),
      static_cast<unsigned long long>(loop.sum.refused_compactions),
      static_cast<unsigned long long>(loop.sum.failed_ends));
}

/// Thousands of servers say that their logs have stopped; nobody wants to read it.
class ServerFaults : public testing::Test {
 protected:
  ServerFaults() {
    set_logging(Level::kError, LogFormat::kJson);
    // Segments of 1 MiB come and go by the thousand: not each from the system.
    ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
    testing::internal::CaptureStderr();
  }
  ~ServerFaults() override {
    const std::string said = testing::internal::GetCapturedStderr();
    if (HasFailure()) std::fprintf(stderr, "%s", said.substr(0, 20'000).c_str());
  }
};

TEST_F(ServerFaults, a_life_without_a_fault_has_what_the_loops_are_about) {
  SimulatedFileSystem files;
  Witness witness;
  // What each part of the server's work is known by.
  std::map<std::string, size_t> parts;
  files.before_each_call([&parts](Call call, const std::string& path) {
    ++parts[path.contains("snap") ? "snapshots" : path.ends_with(".seg") ? "segments" : "others"];
    parts["segments removed"] += call == Call::kRemove && path.ends_with(".seg");
    parts["snapshots removed"] += call == Call::kRemove && path.ends_with(".snap");
    parts["clean ends"] += call == Call::kRename && path.ends_with("closed.tmp");
  });
  ScriptedLife(files, witness).run();
  files.before_each_call({});
  EXPECT_EQ(witness.starts_refused + witness.stopped_logs + witness.refused_compactions, 0u);
  EXPECT_EQ(witness.clean_ends, 2u);
  EXPECT_EQ(witness.keys.size(), 3u);
  size_t segments = 0;
  size_t snapshots = 0;
  for (const std::string& path : files.paths()) {
    segments += path.ends_with(".seg");
    snapshots += path.ends_with(".snap");
    EXPECT_FALSE(path.ends_with("00000000000000000001.seg")) << "the log was never shortened";
  }
  EXPECT_GE(segments, 2u);
  EXPECT_EQ(snapshots, 2u);
  for (const Call call :
       {Call::kOpen, Call::kRead, Call::kWrite, Call::kSync, Call::kTruncate, Call::kStatus,
        Call::kClose, Call::kRename, Call::kRemove, Call::kMakeFolder, Call::kSyncFolder,
        Call::kList, Call::kExists, Call::kLock, Call::kFreeBytes})
    EXPECT_GT(files.calls(call), 0u) << static_cast<int>(call);
  for (const char* part :
       {"segments", "snapshots", "segments removed", "snapshots removed", "clean ends"})
    EXPECT_GT(parts[part], 0u) << part;
  std::printf("a life has %llu file calls", static_cast<unsigned long long>(files.calls()));
  for (const auto& [part, count] : parts) std::printf(", %s %zu", part.c_str(), count);
  std::printf("\n");
  expect_promised_twice(files, witness, "no fault");
}

TEST_F(ServerFaults, whichever_file_call_fails_however_the_state_is_the_promised_one) {
  std::vector<Way> ways;
  for (const auto effect : {Fault::Effect::kNothing, Fault::Effect::kPartial,
                            Fault::Effect::kPagesDropped, Fault::Effect::kDone})
    for (const auto repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForGood})
      ways.push_back({.effect = effect, .repeat = repeat});
  Loop loop;
  fail_every_call(loop, ways);
  print("effects", loop);
}

TEST_F(ServerFaults, whichever_file_call_fails_with_whatever_number_the_state_is_the_promised_one) {
  std::vector<Way> ways;
  for (const int number : {ENOSPC, EDQUOT, EFBIG, EROFS, EINTR, EMFILE, ENFILE, ENOMEM, EACCES})
    ways.push_back({.number = number});
  Loop loop;
  fail_every_call(loop, ways);
  print("numbers", loop);
}

}  // namespace
}  // namespace rstmdb::app
