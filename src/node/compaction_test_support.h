// A node with its log and its snapshots on a simulated disk, and a model that knows the state after
// every record.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "io/simulated_file_system.h"
#include "io/simulated_loop.h"
#include "log/segment_log.h"
#include "node/compaction.h"
#include "node/node.h"
#include "node/restore.h"
#include "snapshot/folder.h"

namespace rstmdb::node {

inline const std::string kWalFolder = "/data/wal";
inline const std::string kSnapshotFolder = "/data/snapshots";

/// What the outside knows: everything acknowledged, and the state's hash at each offset.
struct Model {
  std::map<uint64_t, Hash128> hashes;
  uint64_t committed = 0;
};

inline engine::Bounds small_bounds() {
  return {.machine_versions_max = 5, .key_ttl_ms = 400, .keys_max = 6, .keys_bytes_max = 4096};
}

/// One process: opened, used, and gone with the object as if it were killed.
class NodeBench {
 public:
  explicit NodeBench(io::SimulatedFileSystem& files, uint64_t seed = 1)
      : files_(files),
        loop_({.seed = seed}),
        random_(seed),
        worker_(loop_, {.seed = seed, .delay_ms_max = 1}),
        background_(loop_, {.seed = seed + 1, .delay_ms_max = 3}) {}

  Result<void> open() {
    using WhenMissing = log::SegmentLog::WhenMissing;
    RSTMDB_ASSIGN(const auto stored, folder_.list());
    RSTMDB_ASSIGN(auto opened,
                  log::SegmentLog::open({.files = files_,
                                         .loop = loop_,
                                         .worker = worker_,
                                         .background = background_,
                                         .clock = clock_,
                                         .random = random_,
                                         .folder = kWalFolder,
                                         .segment_bytes = segment_bytes,
                                         .sync = sync,
                                         .prepare = log::SegmentLog::Prepare::kNothing,
                                         .when_missing = stored.empty() ? WhenMissing::kCreate
                                                                        : WhenMissing::kRefuse}));
    log_ = std::move(opened.log);
    recovery = std::move(opened.recovery);
    RSTMDB_TRY(folder_.prepare());
    RSTMDB_ASSIGN(Restored restored, restore({.folder = folder_,
                                              .database = log_->database(),
                                              .log = *log_,
                                              .clock = clock_,
                                              .hash_seed = 3}));
    damaged = std::move(restored.damaged);
    from_snapshot = restored.start ? restored.start->state.last_offset() : 0;
    RSTMDB_ASSIGN(node_, Node::open({.log = *log_,
                                     .loop = loop_,
                                     .clock = clock_,
                                     .random = random_,
                                     .bounds = small_bounds(),
                                     .disk_reserve_bytes = reserve_bytes,
                                     .start = std::move(restored.start),
                                     .replay_progress = [this](const ReplayProgress& now) {
                                       replayed = now.records_done;
                                     }}));
    compaction_ = std::make_unique<Compaction>(
        Compaction::Options{.node = *node_,
                            .loop = loop_,
                            .worker = background_,
                            .folder = folder_,
                            .database = log_->database(),
                            .policy = policy,
                            .kept = std::move(restored.kept),
                            .newest_bytes = restored.file_bytes,
                            .oldest_needed = [this] { return oldest_needed; }});
    node_->attach(*compaction_);
    loop_.at_turn_end([this] { node_->end_turn(); });
    return {};
  }

  /// One unit of one or a few records, chosen by chance. Notes the state's hash after each unit.
  bool write(std::mt19937_64& chance, Model& model) {
    auto write = node_->write({});
    if (!write.ok()) return false;
    const auto pick = [&chance](uint64_t below) { return chance() % below; };
    const std::string id = "i" + std::to_string(pick(9));
    const std::string key = pick(2) == 0 ? "" : "k" + std::to_string(pick(6));
    const std::string context = R"({"t":")" + std::string(pick(120), 'x') + R"("})";
    if (node_->state().machines().find("m") == nullptr) {
      json::Document document;
      EXPECT_TRUE(document
                      .parse(R"({"states":["a","b"],"initial":"a","transitions":[
                          {"from":"a","event":"E","to":"b"},{"from":"b","event":"E","to":"a"}]})")
                      .ok());
      definition_ = engine::Definition::parse(document.root()).value();
      engine::PutMachine put;
      put.machine = "m";
      put.version = 1;
      put.definition = &definition_;
      EXPECT_TRUE(write->decide(put).ok());
    } else if (pick(6) == 0) {
      engine::DeleteInstance remove;
      remove.instance_id = id;
      static_cast<void>(write->decide(remove).ok());
    } else if (pick(40) == 0) {
      write->decide(engine::FlushAll{});
    } else if (pick(2) == 0) {
      engine::CreateInstance create;
      create.machine = "m";
      create.version = 1;
      if (pick(2) == 0) create.instance_id = id;
      if (create.instance_id.empty()) create.generated_id = write->new_id();
      create.context = context;
      create.key = key;
      static_cast<void>(write->decide(create).ok());
    } else {
      engine::ApplyEvent apply;
      apply.instance_id = id;
      apply.event = "E";
      apply.payload = context;
      apply.key = key;
      static_cast<void>(write->decide(apply).ok());
    }
    if (write->empty()) return true;
    if (!write->commit().ok()) return false;
    model.hashes[node_->head()] = node_->state().hash();
    return true;
  }

  void turn(Model& model) {
    loop_.post([] {});
    loop_.run_for(1);
    model.committed = std::max(model.committed, node_->gate().committed());
  }

  /// COMPACT, waited for.
  Result<Compacted> compact(Model& model,
                            Compaction::Snapshot wanted = Compaction::Snapshot::kAlways) {
    std::optional<Result<Compacted>> outcome;
    compaction_->compact(wanted, [&outcome](Result<Compacted> done) { outcome = std::move(done); });
    for (int i = 0; i < 2000 && !outcome; ++i) turn(model);
    EXPECT_TRUE(outcome.has_value()) << "COMPACT has no answer";
    return outcome ? std::move(*outcome) : Error(Code::kInternalError, "no answer");
  }

  Node& node() { return *node_; }
  Compaction& compaction() { return *compaction_; }
  log::SegmentLog& log() { return *log_; }
  const snapshot::Folder& folder() const { return folder_; }
  io::SimulatedLoop& loop() { return loop_; }

  uint64_t segment_bytes = 900;
  uint64_t reserve_bytes = 0;
  log::SyncPolicy sync;
  CompactionPolicy policy{.enabled = false};
  log::Offset oldest_needed = UINT64_MAX;
  log::Recovery recovery;
  std::vector<Damaged> damaged;
  uint64_t from_snapshot = 0;
  uint64_t replayed = 0;

 private:
  io::SimulatedFileSystem& files_;
  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  io::SimulatedRandom random_;
  io::SimulatedWorker worker_;
  io::SimulatedWorker background_;
  const snapshot::Folder folder_{files_, kSnapshotFolder};
  engine::Definition definition_;
  std::unique_ptr<log::SegmentLog> log_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Compaction> compaction_;
};

/// Opens what is on the disk and expects a state that the model knows, with everything
/// acknowledged in it.
inline void expect_model(io::SimulatedFileSystem& files, const Model& model,
                         const std::string& when) {
  NodeBench bench(files, 99);
  const auto opened = bench.open();
  ASSERT_TRUE(opened.ok()) << when << ": " << opened.error().to_string();
  const engine::State& state = bench.node().state();
  ASSERT_GE(state.last_offset(), model.committed) << when;
  ASSERT_EQ(state.hash_by_walk(), state.hash()) << when;
  if (state.last_offset() == 0) return;
  const auto known = model.hashes.find(state.last_offset());
  ASSERT_NE(known, model.hashes.end()) << when << ": offset " << state.last_offset();
  ASSERT_EQ(state.hash(), known->second) << when << ": another state";
}

/// The same twice: the first start may have changed something that the second depends on.
inline void expect_model_twice(io::SimulatedFileSystem& files, const Model& model,
                               const std::string& when) {
  expect_model(files, model, when);
  files.kill();
  if (!::testing::Test::HasFatalFailure()) expect_model(files, model, when + ", again");
}

}  // namespace rstmdb::node
