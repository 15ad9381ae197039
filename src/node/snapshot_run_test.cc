// A snapshot on its way to a disk that is slow, or hangs, while writers go on: time passes and the
// worker works only when the test says so.
#include "node/snapshot_run.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/decide.h"
#include "engine/draft.h"
#include "io/simulated_file_system.h"
#include "log/manual_executor.h"
#include "snapshot/damage.h"

namespace rstmdb::node {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;
constexpr int64_t kPauseMs = 8;
constexpr size_t kBlocksInPiece = 2;

class SnapshotRunTest : public ::testing::Test {
 protected:
  SnapshotRunTest() {
    EXPECT_TRUE(folder_.prepare().ok());
    json::Document document;
    EXPECT_TRUE(document.parse(R"({"states":["a"],"initial":"a","transitions":[]})").ok());
    definition_ = engine::Definition::parse(document.root()).value();
    engine::PutMachine put;
    put.machine = "m";
    put.version = 1;
    put.definition = &definition_;
    commit(put);
  }

  void fill(int instances, size_t context_bytes) {
    const std::string context = R"({"t":")" + std::string(context_bytes, 'x') + R"("})";
    for (int i = 0; i < instances; ++i) {
      const std::string id = "i" + std::to_string(i);
      engine::CreateInstance create;
      create.machine = "m";
      create.version = 1;
      create.instance_id = id;
      create.context = context;
      commit(create);
    }
    instances_ = instances;
  }
  /// Pushes out of the walk whatever it has not reached.
  void remove_all() {
    for (int i = 0; i < instances_; ++i) {
      const std::string id = "i" + std::to_string(i);
      engine::DeleteInstance remove;
      remove.instance_id = id;
      commit(remove);
    }
  }

  void begin(const snapshot::DatabaseId& database = {}) {
    outcome_.reset();
    run_ = std::make_unique<SnapshotRun>(SnapshotRun::Options{
        .state = state_,
        .chain = {},
        .database = database,
        .folder = folder_,
        .loop = loop_,
        .worker = worker_,
        .reserve_bytes = reserve_bytes_,
        .done = [this](Result<SnapshotRun::Written> outcome) { outcome_ = std::move(outcome); }});
  }
  /// As many steps as get any further; how many those were.
  int walk() {
    int steps = 1;
    while (run_->step()) ++steps;
    return steps;
  }
  void work() {
    worker_.run_jobs();
    loop_.run_posted();
  }
  /// Until the run has an outcome, on a disk that takes no time.
  void finish() {
    for (int i = 0; i < 10'000 && !outcome_; ++i) {
      walk();
      work();
      loop_.advance_ms(kPauseMs);
    }
    ASSERT_TRUE(outcome_.has_value());
  }
  size_t draft_bytes() const { return files_.content(folder_.draft_path()).size(); }

  template <class Command>
  void commit(const Command& command) {
    draft_.clear();
    ASSERT_TRUE((engine::Decider{bounds_, stamp_, draft_}.decide(command).ok()));
    for (const engine::Record& record : draft_.records()) state_.apply(record);
  }

  engine::Bounds bounds_ = {
      .machine_versions_max = 1, .key_ttl_ms = 1, .keys_max = 1, .keys_bytes_max = 1};
  engine::Stamp stamp_;
  engine::State state_{{.hash_seed = 1}};
  engine::Draft draft_{state_};
  engine::Definition definition_;
  int instances_ = 0;
  uint64_t reserve_bytes_ = 0;

  io::SimulatedFileSystem files_;
  const snapshot::Folder folder_{files_, "/snapshots"};
  log::ManualClock clock_;
  log::ManualLoop loop_{clock_};
  log::ManualWorker worker_{loop_};
  std::optional<Result<SnapshotRun::Written>> outcome_;
  std::unique_ptr<SnapshotRun> run_;
};

TEST_F(SnapshotRunTest, pieces_are_small_and_the_disk_rests_between_them) {
  constexpr size_t kRowBytesMax = 1'200;
  fill(6'000, 1'000);
  begin();
  int pieces = 0;
  while (true) {
    walk();
    ASSERT_EQ(worker_.job_count(), 1u);
    const size_t before = draft_bytes();
    work();
    ++pieces;
    EXPECT_LE(draft_bytes() - before,
              kBlocksInPiece * (limits::kSnapshotBlockBytes + kRowBytesMax));
    if (outcome_) break;
    loop_.advance_ms(kPauseMs - 1);
    walk();
    EXPECT_EQ(worker_.job_count(), 0u) << "neither time nor the walk ends the pause early";
    loop_.advance_ms(1);
  }
  ASSERT_TRUE(outcome_->ok()) << outcome_->error().to_string();
  const SnapshotRun::Written& written = **outcome_;
  EXPECT_EQ(written.facts.hash, state_.hash());
  EXPECT_EQ(written.file_bytes, draft_bytes());
  EXPECT_GT(pieces, 20);
  // Each byte is written and read back.
  const uint64_t elapsed_ms = static_cast<uint64_t>(clock_.now_ns / 1'000'000) + kPauseMs;
  EXPECT_LE(2 * written.file_bytes * 1'000 / elapsed_ms, 65 * kMiB) << "a second";
}

TEST_F(SnapshotRunTest, the_walk_waits_for_a_disk_that_hangs_and_goes_on_with_it) {
  fill(30'000, 1'000);
  const Hash128 hash = state_.hash();
  begin();
  const int steps = walk();
  EXPECT_EQ(worker_.job_count(), 1u);
  // A slice has about 128 KiB.
  EXPECT_GE(steps, 60);
  EXPECT_LE(steps, 70) << "8 MiB wait, and not all of the state";
  for (int i = 0; i < 100; ++i) {
    loop_.advance_ms(1'000);
    EXPECT_FALSE(run_->step());
  }
  EXPECT_EQ(worker_.job_count(), 1u);
  finish();
  ASSERT_TRUE(outcome_->ok()) << outcome_->error().to_string();
  EXPECT_EQ((*outcome_)->facts.hash, hash);
  EXPECT_GT((*outcome_)->file_bytes, 30 * kMiB * 9 / 10);
}

TEST_F(SnapshotRunTest, writers_push_out_as_much_as_the_bound_and_the_snapshot_is_right) {
  fill(60, 1'000'000);
  const Hash128 hash = state_.hash();
  const uint64_t offset = state_.last_offset();
  begin();
  walk();
  remove_all();
  EXPECT_FALSE(run_->step());
  EXPECT_FALSE(outcome_.has_value());
  finish();
  ASSERT_TRUE(outcome_->ok()) << outcome_->error().to_string();
  EXPECT_EQ((*outcome_)->facts.hash, hash) << "as it was before they came";
  EXPECT_EQ((*outcome_)->facts.last_offset, offset);
  EXPECT_NE(state_.hash(), hash);
}

TEST_F(SnapshotRunTest, writers_that_push_out_more_end_it_and_its_draft) {
  fill(80, 1'000'000);
  begin();
  walk();
  work();
  EXPECT_GT(draft_bytes(), 0u);
  remove_all();
  EXPECT_FALSE(run_->step());
  ASSERT_TRUE(outcome_.has_value());
  ASSERT_FALSE(outcome_->ok());
  EXPECT_EQ(outcome_->error().code(), Code::kRateLimited);
  EXPECT_EQ(outcome_->error().detail("code"), "SNAPSHOT_OVERRUN");
  EXPECT_EQ(outcome_->error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kSnapshotOverrunBytesMax));
  work();
  EXPECT_TRUE(files_.paths().empty()) << files_.paths().front();
  EXPECT_EQ(loop_.timer_count(), 1u) << "of the pause, until the run is gone";
  run_.reset();
  EXPECT_EQ(loop_.timer_count(), 0u);
}

TEST_F(SnapshotRunTest, whichever_call_fails_it_is_said_and_the_next_one_is_right) {
  fill(3'000, 1'000);
  reserve_bytes_ = 1;
  uint64_t failed = 0;
  for (uint64_t nth = 1;; ++nth) {
    files_.put(folder_.draft_path(), "of a process that was killed");
    const uint64_t before = files_.calls();
    files_.inject({.nth = nth, .error_number = ENOSPC});
    begin();
    finish();
    const bool struck = files_.calls() - before >= nth;
    files_.clear_faults();
    if (!struck) break;
    ASSERT_FALSE(outcome_->ok()) << nth;
    EXPECT_EQ(outcome_->error().detail_number("errno", 0), ENOSPC) << nth;
    ++failed;
    work();
    EXPECT_EQ(draft_bytes(), 0u) << nth << ": a draft is left";
  }
  ASSERT_TRUE(outcome_->ok()) << outcome_->error().to_string();
  EXPECT_EQ((*outcome_)->facts.hash, state_.hash());
  EXPECT_GT(failed, 40u);
}

TEST_F(SnapshotRunTest, whoever_puts_another_snapshot_in_its_place_is_noticed) {
  const snapshot::DatabaseId other_database = {'o'};
  std::vector<std::string> others;
  begin();  // another state's
  finish();
  others.push_back(files_.content(folder_.draft_path()));
  fill(10, 100);
  begin(other_database);
  finish();
  others.push_back(files_.content(folder_.draft_path()));
  for (const std::string& other : others) {
    int opened = 0;  // to be written, and to be checked
    files_.before_each_call([&](io::SimulatedFileSystem::Call call, const std::string& path) {
      if (call == io::SimulatedFileSystem::Call::kOpen && ++opened == 2) files_.put(path, other);
    });
    begin();
    finish();
    files_.before_each_call({});
    ASSERT_FALSE(outcome_->ok());
    EXPECT_EQ(outcome_->error().detail("code"), snapshot::kSnapshotDamaged);
    EXPECT_EQ(outcome_->error().detail("file"), folder_.draft_path());
    EXPECT_EQ(outcome_->error().detail_number("byte", -1), 0);
  }
}

}  // namespace
}  // namespace rstmdb::node
