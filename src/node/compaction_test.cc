// Compaction on a simulated disk: what is kept, what is removed, when, and who is told.
#include "node/compaction.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/logging.h"
#include "node/compaction_test_support.h"
#include "snapshot/format.h"

namespace rstmdb::node {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;
using Fault = SimulatedFileSystem::Fault;
using Snapshot = Compaction::Snapshot;

class CompactionTest : public ::testing::Test {
 protected:
  CompactionTest() { set_logging(Level::kError, LogFormat::kJson); }

  void open() {
    ASSERT_TRUE(bench_.open().ok());
    write(30);
  }
  void write(int units) {
    for (int i = 0; i < units; ++i) {
      ASSERT_TRUE(bench_.write(chance_, model_));
      bench_.turn(model_);
    }
  }
  size_t files_ending(std::string_view suffix) {
    size_t count = 0;
    for (const std::string& path : files_.paths()) count += path.ends_with(suffix) ? 1 : 0;
    return count;
  }
  Compacted compact(Snapshot wanted) {
    auto done = bench_.compact(model_, wanted);
    EXPECT_TRUE(done.ok()) << done.error().to_string();
    return done.ok() ? *done : Compacted{};
  }

  std::mt19937_64 chance_{7};
  Model model_;
  SimulatedFileSystem files_;
  NodeBench bench_{files_};
};

TEST_F(CompactionTest, the_log_is_kept_behind_the_older_of_two_snapshots) {
  open();
  const Compacted first = compact(Snapshot::kIfNew);
  EXPECT_EQ(first.snapshots_created, 1u);
  EXPECT_EQ(first.segments_deleted, 0u) << "the whole log is the second way";
  EXPECT_EQ(first.total_snapshots, 1u);
  const uint64_t first_offset = bench_.node().head();
  write(30);
  const size_t segments = files_ending(".seg");
  const uint64_t bytes = bench_.log().stats().total_bytes;
  const Compacted second = compact(Snapshot::kIfNew);
  EXPECT_EQ(second.total_snapshots, 2u);
  EXPECT_GT(second.segments_deleted, 0u);
  EXPECT_EQ(files_ending(".seg"), segments - second.segments_deleted);
  EXPECT_EQ(second.wal_segments, files_ending(".seg"));
  EXPECT_EQ(bytes - bench_.log().stats().total_bytes, second.bytes_reclaimed);
  EXPECT_LE(bench_.log().stats().oldest_offset, first_offset + 1);
  EXPECT_GT(bench_.log().stats().oldest_offset, 1u);
  write(30);
  compact(Snapshot::kIfNew);
  EXPECT_EQ(files_ending(".snap"), 2u) << "the oldest of three is removed";
  EXPECT_GT(bench_.log().stats().oldest_offset, 1u);
}

TEST_F(CompactionTest, without_news_nothing_is_written_unless_forced) {
  open();
  EXPECT_EQ(compact(Snapshot::kIfNew).snapshots_created, 1u);
  EXPECT_EQ(compact(Snapshot::kIfNew).snapshots_created, 0u);
  EXPECT_EQ(compact(Snapshot::kAlways).snapshots_created, 1u);
  const CompactionStats stats = bench_.compaction().stats();
  EXPECT_EQ(stats.snapshots_taken, 2u);
  EXPECT_EQ(stats.duration_ns.count(), 2u) << "a trim alone is no snapshot";
  EXPECT_GE(stats.duration_ns.sum() / 1'000'000, stats.last_duration_ms);
  EXPECT_EQ(files_ending(".snap"), 1u) << "of the same offset";
}

TEST_F(CompactionTest, what_a_reader_still_needs_stays) {
  open();
  compact(Snapshot::kAlways);
  write(30);
  bench_.oldest_needed = 3;
  EXPECT_LE(bench_.log().stats().oldest_offset, 3u);
  compact(Snapshot::kAlways);
  EXPECT_LE(bench_.log().stats().oldest_offset, 3u);
  bench_.oldest_needed = UINT64_MAX;
  EXPECT_GT(compact(Snapshot::kIfNew).segments_deleted, 0u);
}

TEST_F(CompactionTest, who_asks_while_one_is_under_way_is_told_its_outcome) {
  open();
  int told = 0;
  for (int i = 0; i < 5; ++i) {
    bench_.compaction().compact(Snapshot::kAlways, [&told](const Result<Compacted>& done) {
      ASSERT_TRUE(done.ok());
      EXPECT_EQ(done->snapshots_created, 1u);
      ++told;
    });
  }
  EXPECT_EQ(told, 0) << "never before compact() returns";
  for (int i = 0; i < 500 && told < 5; ++i) {
    write(1);
    bench_.turn(model_);
  }
  EXPECT_EQ(told, 5);
  EXPECT_EQ(bench_.compaction().stats().snapshots_taken, 1u);
}

TEST_F(CompactionTest, a_stop_answers_whoever_waits_and_refuses_whoever_comes) {
  open();
  std::string code;
  const auto tell = [&code](const Result<Compacted>& done) {
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code(), Code::kRateLimited);
    code = done.error().detail("code");
  };
  bench_.compaction().compact(Snapshot::kAlways, tell);
  bench_.turn(model_);
  bench_.compaction().stop();
  EXPECT_EQ(code, "STOPPING");
  code.clear();
  bench_.compaction().compact(Snapshot::kAlways, tell);
  bench_.turn(model_);
  EXPECT_EQ(code, "STOPPING");
  write(3);
  files_.kill();
  expect_model_twice(files_, model_, "after a stop");
}

TEST_F(CompactionTest, when_the_log_stops_whoever_waits_is_told) {
  open();
  std::string code;
  bench_.compaction().compact(Snapshot::kAlways, [&code](const Result<Compacted>& done) {
    code = done.ok() ? "ok" : std::string(done.error().detail("code"));
  });
  bench_.turn(model_);
  files_.before_each_call([this](Call call, const std::string& path) {
    if (call == Call::kSync && path.ends_with(".seg")) files_.inject({.call = Call::kSync});
  });
  for (int i = 0; i < 50 && code.empty(); ++i) {
    static_cast<void>(bench_.write(chance_, model_));
    bench_.turn(model_);
  }
  files_.before_each_call({});
  EXPECT_EQ(code, "LOG_STOPPED");
  EXPECT_TRUE(bench_.node().gate().failed());
}

TEST_F(CompactionTest, is_due_by_records_when_the_interval_is_over) {
  bench_.policy = {.enabled = true, .records = 20, .bytes = 1 << 30, .interval_ms = 500};
  ASSERT_TRUE(bench_.open().ok());
  write(60);
  EXPECT_EQ(bench_.compaction().stats().snapshots_taken, 0u) << "too early";
  bench_.loop().run_for(500);
  for (int i = 0; i < 200; ++i) bench_.turn(model_);
  EXPECT_EQ(bench_.compaction().stats().snapshots_taken, 1u);
  EXPECT_EQ(bench_.compaction().stats().last_offset, bench_.node().head());
  bench_.loop().run_for(5000);
  EXPECT_EQ(bench_.compaction().stats().snapshots_taken, 1u) << "nothing is new";
}

TEST_F(CompactionTest, is_due_by_bytes_but_not_for_less_than_the_last_snapshot) {
  bench_.policy = {.enabled = true, .records = 1 << 30, .bytes = 300, .interval_ms = 1};
  ASSERT_TRUE(bench_.open().ok());
  write(80);
  for (int i = 0; i < 200; ++i) bench_.turn(model_);
  const uint64_t taken = bench_.compaction().stats().snapshots_taken;
  EXPECT_GT(taken, 0u);
  const uint64_t last = bench_.compaction().stats().last_bytes;
  ASSERT_GT(last, 1000u);
  // More than the threshold, less than the snapshot.
  const uint64_t before = bench_.node().bytes_appended();
  while (bench_.node().bytes_appended() - before < 600) write(1);
  for (int i = 0; i < 100; ++i) bench_.turn(model_);
  EXPECT_LE(bench_.compaction().stats().snapshots_taken, taken + 1);
}

TEST_F(CompactionTest, a_full_disk_fails_the_snapshot_and_not_the_log) {
  bench_.reserve_bytes = 10'000;
  open();
  files_.set_free_bytes(10'000);
  const auto refused = bench_.compact(model_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kRateLimited);
  EXPECT_EQ(refused.error().detail("code"), "DISK_RESERVE");
  for (int i = 0; i < 20; ++i) bench_.turn(model_);
  EXPECT_EQ(files_ending(".tmp"), 0u) << "the draft is removed";
  files_.set_free_bytes(1 << 20);
  EXPECT_TRUE(bench_.compact(model_).ok());
  EXPECT_EQ(bench_.compaction().stats().snapshots_failed, 1u);
}

TEST_F(CompactionTest, a_snapshot_gets_its_name_only_when_the_log_is_durable_up_to_it) {
  bench_.sync = {.kind = log::SyncPolicy::Kind::kNever};
  open();
  EXPECT_LT(bench_.log().durable(), bench_.log().committed());
  const uint64_t head = bench_.node().head();
  compact(Snapshot::kAlways);
  EXPECT_GE(bench_.log().durable(), head);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto after = files_.after_power_cut(seed);
    Model promised = model_;
    promised.committed = head;
    expect_model_twice(*after, promised, "cut " + std::to_string(seed));
  }
}

TEST_F(CompactionTest, everything_flushed_in_the_middle_begins_it_anew) {
  open();
  std::optional<uint64_t> created;
  bench_.compaction().compact(Snapshot::kAlways, [&created](const Result<Compacted>& done) {
    created = done.ok() ? done->snapshots_created : 0;
  });
  const auto running = [this] { return bench_.compaction().stats().running; };
  ASSERT_TRUE(bench_.loop().run_until(running, 10)) << "up to the turn before its first slice";
  auto flush = bench_.node().write({});
  flush->decide(engine::FlushAll{});
  ASSERT_TRUE(flush->commit().ok());
  model_.hashes[bench_.node().head()] = bench_.node().state().hash();
  for (int i = 0; i < 300 && !created; ++i) bench_.turn(model_);
  EXPECT_EQ(created, 1u);
  EXPECT_EQ(bench_.compaction().stats().last_offset, bench_.node().head()) << "of what came after";
  files_.kill();
  expect_model_twice(files_, model_, "after FLUSH_ALL");
}

TEST_F(CompactionTest, writers_faster_than_the_disk_cost_the_snapshot_and_not_themselves) {
  constexpr int kInstances = 90;
  bench_.segment_bytes = 4 * 1024 * 1024;
  open();
  const std::string context = R"({"t":")" + std::string(900'000, 'x') + R"("})";
  const auto commit = [this](const auto& command) {
    auto write = bench_.node().write({});
    ASSERT_TRUE(write.ok() && write->decide(command).ok() && write->commit().ok());
  };
  for (int i = 0; i < kInstances; ++i) {
    engine::CreateInstance create;
    create.machine = "m";
    create.version = 1;
    const std::string id = "large" + std::to_string(i);
    create.instance_id = id;
    create.context = context;
    commit(create);
    bench_.turn(model_);
  }
  std::optional<Result<Compacted>> outcome;
  bench_.compaction().compact(Snapshot::kAlways,
                              [&outcome](Result<Compacted> done) { outcome = std::move(done); });
  while (!bench_.compaction().stats().running) bench_.turn(model_);
  for (int i = 0; i < kInstances; ++i) {
    engine::DeleteInstance remove;
    const std::string id = "large" + std::to_string(i);
    remove.instance_id = id;
    commit(remove);
  }
  bench_.turn(model_);
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->ok());
  EXPECT_EQ(outcome->error().code(), Code::kRateLimited);
  EXPECT_EQ(outcome->error().detail("code"), "SNAPSHOT_OVERRUN");
  EXPECT_EQ(bench_.compaction().stats().snapshots_failed, 1u);
  EXPECT_EQ(bench_.compaction().stats().duration_ns.count(), 0u);
  for (int i = 0; i < 20; ++i) bench_.turn(model_);
  EXPECT_EQ(files_ending(".tmp"), 0u) << "the draft is removed";
  EXPECT_EQ(bench_.node().gate().committed(), bench_.node().head()) << "no write is lost";
  EXPECT_EQ(compact(Snapshot::kIfNew).snapshots_created, 1u) << "later there is room";
}

TEST_F(CompactionTest, only_what_lies_behind_the_snapshot_is_folded_at_the_next_start) {
  open();
  compact(Snapshot::kAlways);
  const uint64_t covered = bench_.node().head();
  write(7);
  const uint64_t head = bench_.node().head();
  files_.kill();
  NodeBench next(files_, 2);
  ASSERT_TRUE(next.open().ok());
  EXPECT_EQ(next.from_snapshot, covered);
  EXPECT_EQ(next.replayed, head - covered);
  EXPECT_EQ(next.node().state().hash(), model_.hashes[head]);
  const auto below = next.log().read_from(1);
  EXPECT_TRUE(below.ok()) << "a single snapshot removes nothing";
}

}  // namespace
}  // namespace rstmdb::node
