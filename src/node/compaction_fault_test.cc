// Disks that fail at any call, power cuts before any call, and bits that flip anywhere, while
// snapshots are taken and the log is trimmed: the state is the one that was promised, after the
// first start and after the second.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>

#include "base/logging.h"
#include "node/compaction_test_support.h"
#include "snapshot/damage.h"
#include "snapshot/format.h"

namespace rstmdb::node {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;
using Fault = SimulatedFileSystem::Fault;

class Quiet : public ::testing::Test {
 protected:
  Quiet() { set_logging(Level::kError, LogFormat::kJson); }
};
using CompactionFaults = Quiet;
using CompactionPowerCuts = Quiet;
using SnapshotDamage = Quiet;

/// Two processes that write and compact, the second from where the first has stopped.
void live(SimulatedFileSystem& files, Model& model, uint64_t seed = 5) {
  std::mt19937_64 chance(seed);
  for (int process = 0; process < 2; ++process) {
    NodeBench bench(files, seed + static_cast<uint64_t>(process));
    if (!bench.open().ok()) return;
    for (int i = 0; i < 24; ++i) {
      if (!bench.write(chance, model)) return;
      if (i % 8 == 3)
        bench.compaction().compact(Compaction::Snapshot::kAlways, [](const Result<Compacted>&) {});
      bench.turn(model);
      if (bench.node().gate().failed()) return;
    }
    for (int i = 0; i < 40; ++i) bench.turn(model);
    files.kill();
  }
}

TEST_F(CompactionFaults, whichever_call_fails_however_the_state_is_the_promised_one) {
  SimulatedFileSystem well;
  Model of_a_life;
  live(well, of_a_life);
  const uint64_t calls = well.calls();
  size_t lives = 0;
  size_t starts = 0;
  for (const auto effect : {Fault::Effect::kNothing, Fault::Effect::kPartial,
                            Fault::Effect::kPagesDropped, Fault::Effect::kDone}) {
    for (const auto repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForGood}) {
      for (uint64_t nth = 1; nth <= calls; ++nth, ++lives) {
        SimulatedFileSystem files;
        Model model;
        files.inject({.call = Call::kAny, .nth = nth, .repeat = repeat, .effect = effect});
        live(files, model);
        files.kill();
        files.clear_faults();
        const std::string when =
            "call " + std::to_string(nth) + " effect " + std::to_string(static_cast<int>(effect));
        const auto after = files.after_power_cut(nth);
        expect_model_twice(*after, model, when + ", power cut");
        expect_model_twice(files, model, when);
        starts += 4;
        if (HasFatalFailure()) return;
      }
    }
  }
  std::printf("%zu lives of %llu calls, one of them failing; %zu starts: 0 differences\n", lives,
              static_cast<unsigned long long>(calls), starts);
}

TEST_F(CompactionPowerCuts, before_whichever_call_the_state_is_the_promised_one) {
  // Other lives and states of the disk for each --gtest_shuffle --gtest_random_seed=N; 0 without.
  const uint64_t run = static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  size_t cuts = 0;
  for (uint64_t seed = 1 + 2 * run; seed <= 2 + 2 * run; ++seed) {
    SimulatedFileSystem files;
    Model model;
    bool within = false;
    files.before_each_call([&](Call, const std::string&) {
      if (within || HasFatalFailure()) return;
      within = true;
      for (uint64_t cut = 0; cut < 6; ++cut, ++cuts) {
        const auto after = files.after_power_cut(run * 1'000'000 + cuts);
        expect_model_twice(*after, model, "cut " + std::to_string(cuts));
      }
      within = false;
    });
    live(files, model, seed);
    files.before_each_call({});
    if (HasFatalFailure()) return;
  }
  std::printf("%zu power cuts, each followed by two starts: 0 differences\n", cuts);
  EXPECT_GT(cuts, 2000u);
}

/// A disk with two snapshots and a log that no longer begins at the beginning.
struct Compacted2 {
  SimulatedFileSystem files;
  Model model;
  std::vector<snapshot::Stored> stored;
};
void prepare(Compacted2& disk) {
  std::mt19937_64 chance(11);
  NodeBench bench(disk.files, 4);
  ASSERT_TRUE(bench.open().ok());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 25; ++i) {
      ASSERT_TRUE(bench.write(chance, disk.model));
      bench.turn(disk.model);
    }
    if (round == 2) break;
    ASSERT_TRUE(bench.compact(disk.model).ok());
  }
  ASSERT_GT(bench.log().stats().oldest_offset, 1u);
  disk.stored = bench.folder().list().value();
  ASSERT_EQ(disk.stored.size(), 2u);
  disk.files.kill();
}

std::string flipped(std::string bytes, size_t byte) {
  bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << (byte % 8)));
  return bytes;
}

TEST_F(SnapshotDamage, a_flipped_bit_anywhere_in_the_newest_is_found_and_the_one_before_is_used) {
  Compacted2 disk;
  prepare(disk);
  const snapshot::Stored& newest = disk.stored.back();
  const std::string good = disk.files.content(newest.path);
  for (size_t byte = 0; byte < good.size(); ++byte) {
    const auto files = disk.files.clone();
    files->put(newest.path, flipped(good, byte));
    {
      NodeBench bench(*files, 8);
      const auto opened = bench.open();
      ASSERT_TRUE(opened.ok()) << "byte " << byte << ": " << opened.error().to_string();
      ASSERT_EQ(bench.from_snapshot, disk.stored.front().offset) << "byte " << byte;
      ASSERT_EQ(bench.damaged.size(), 1u);
      EXPECT_EQ(bench.damaged[0].stored.path, newest.path);
      EXPECT_EQ(bench.damaged[0].error.detail("code"), snapshot::kSnapshotDamaged);
      EXPECT_EQ(files->content(bench.damaged[0].kept_as), flipped(good, byte)) << "evidence";
      EXPECT_EQ(bench.node().state().hash(), disk.model.hashes.rbegin()->second);
    }
    files->kill();
    expect_model_twice(*files, disk.model, "byte " + std::to_string(byte));
    if (HasFatalFailure()) return;
  }
  std::printf("a snapshot of %zu bytes: a flipped bit in each was found\n", good.size());
}

TEST_F(SnapshotDamage, a_sector_that_cannot_be_read_is_damage_a_lack_of_descriptors_is_not) {
  Compacted2 disk;
  prepare(disk);
  const auto fails_with = [&disk](int number) {
    const auto files = disk.files.clone();
    uint64_t reads_before_snapshot = 0;
    files->before_each_call([&](Call call, const std::string& path) {
      if (call != Call::kRead || path != disk.stored.back().path || reads_before_snapshot++ != 0)
        return;
      files->inject({.call = Call::kRead, .nth = 1, .error_number = number});
    });
    NodeBench bench(*files, 8);
    auto opened = bench.open();
    files->before_each_call({});
    return opened.ok() ? bench.damaged.size() : size_t{99};
  };
  EXPECT_EQ(fails_with(EIO), 1u);
  EXPECT_EQ(fails_with(ENOMEM), 99u) << "no start";
}

TEST_F(SnapshotDamage, whichever_call_of_the_start_that_sets_it_aside_fails_the_next_one_is_right) {
  Compacted2 disk;
  prepare(disk);
  const std::string newest = disk.stored.back().path;
  disk.files.put(newest, flipped(disk.files.content(newest), 200));
  size_t refused = 0;
  for (uint64_t nth = 1;; ++nth) {
    const auto files = disk.files.clone();
    files->inject({.nth = nth, .error_number = ENOMEM});
    {
      NodeBench bench(*files, 8);
      const auto opened = bench.open();
      if (files->calls() < nth) break;
      refused += !opened.ok();
    }
    files->kill();
    files->clear_faults();
    expect_model_twice(*files, disk.model, "call " + std::to_string(nth));
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(refused, 20u);
}

TEST_F(SnapshotDamage, when_nothing_leads_to_the_log_there_is_no_start) {
  Compacted2 disk;
  prepare(disk);
  for (const snapshot::Stored& stored : disk.stored)
    disk.files.put(stored.path, flipped(disk.files.content(stored.path), 200));
  NodeBench bench(disk.files, 8);
  const auto opened = bench.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().detail("code"), "NO_WAY_TO_STATE");
  EXPECT_GT(opened.error().detail_number("oldest_offset", 0), 1);
  for (const snapshot::Stored& stored : disk.stored) {
    EXPECT_NE(opened.error().message().find(stored.path), std::string::npos) << "named";
    EXPECT_NE(disk.files.content(stored.path), "") << "still under its name";
  }
}

TEST_F(SnapshotDamage, a_log_without_its_beginning_and_no_snapshot_is_no_start) {
  Compacted2 disk;
  prepare(disk);
  for (const snapshot::Stored& stored : disk.stored) disk.files.erase(stored.path);
  NodeBench bench(disk.files, 8);
  const auto opened = bench.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().detail("code"), "NO_WAY_TO_STATE");
}

TEST_F(SnapshotDamage, a_lost_newest_snapshot_leaves_the_one_before) {
  Compacted2 disk;
  prepare(disk);
  disk.files.erase(disk.stored.back().path);
  expect_model_twice(disk.files, disk.model, "lost");
}

TEST_F(SnapshotDamage, a_log_that_lost_its_end_or_itself_is_no_start) {
  Compacted2 disk;
  prepare(disk);
  std::vector<std::string> segments;
  for (const std::string& path : disk.files.paths())
    if (path.ends_with(".seg")) segments.push_back(path);
  // From the end on, until the snapshot lies behind it.
  const auto files = disk.files.clone();
  for (size_t i = segments.size(); i-- > 1;) files->erase(segments[i]);
  {
    NodeBench bench(*files, 8);
    const auto opened = bench.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().detail("code"), "LOG_BEHIND_SNAPSHOT");
  }
  files->kill();
  files->erase(segments[0]);
  NodeBench bench(*files, 9);
  const auto opened = bench.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().detail("code"), "LOG_MISSING");
  for (const std::string& path : files->paths()) EXPECT_FALSE(path.ends_with(".seg")) << path;
}

TEST_F(SnapshotDamage, a_snapshot_of_another_database_or_under_another_name_is_not_taken) {
  Compacted2 disk;
  prepare(disk);
  Compacted2 other;
  {
    NodeBench bench(other.files, 77);
    std::mt19937_64 chance(3);
    ASSERT_TRUE(bench.open().ok());
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(bench.write(chance, other.model));
      bench.turn(other.model);
    }
    ASSERT_TRUE(bench.compact(other.model).ok());
    other.stored = bench.folder().list().value();
  }
  const snapshot::Stored& newest = disk.stored.back();
  {
    const auto files = disk.files.clone();
    files->put(newest.path, other.files.content(other.stored.back().path));
    NodeBench bench(*files, 8);
    const auto opened = bench.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().detail("code"), "SNAPSHOT_FOREIGN");
    EXPECT_EQ(opened.error().detail("file"), newest.path);
  }
  const auto files = disk.files.clone();
  const std::string wrong = kSnapshotFolder + "/" + snapshot::snapshot_name(newest.offset + 1);
  files->put(wrong, disk.files.content(newest.path));
  NodeBench bench(*files, 8);
  ASSERT_TRUE(bench.open().ok());
  EXPECT_EQ(bench.from_snapshot, newest.offset);
  ASSERT_EQ(bench.damaged.size(), 1u);
  EXPECT_EQ(bench.damaged[0].stored.path, wrong);
}

}  // namespace
}  // namespace rstmdb::node
