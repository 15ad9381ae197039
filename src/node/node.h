// The node: one state, its log, the sequencer before it and the release gate behind it. Everything
// that a door may do goes through here. On the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/state.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/random.h"
#include "log/log.h"
#include "node/compaction.h"
#include "node/disk_reserve.h"
#include "node/history.h"
#include "node/memory_bound.h"
#include "node/recovery.h"
#include "node/release_gate.h"
#include "node/sequencer.h"
#include "watch/hub.h"

namespace rstmdb::node {

/// Where folding begins: what a snapshot has given.
struct Start {
  engine::State state;
  engine::ChainHash chain;  // of its last record
};

class Node final : private log::Listener {
 public:
  struct Options {
    log::Log& log;  // opened; outlives the node
    io::Loop& loop;
    io::Clock& clock;
    io::Random& random;
    engine::Bounds bounds;
    uint64_t memory_bound_bytes = 0;       // from here on the state may not grow; 0: no bound
    uint64_t disk_reserve_bytes = 0;       // free space that writes may not use up; 0: they may
    std::optional<Start> start = {};       // none: with the first record
    io::Ahead ahead = io::Ahead::kInline;  // where the log is read while it is folded
    std::function<void(const ReplayProgress&)> replay_progress = {};
    std::function<void(const Error&)> on_stopped = {};  // the log has stopped for good
  };

  /// Folds the log, or what of it lies behind the start, and is ready for writes.
  static Result<std::unique_ptr<Node>> open(Options options);

  const engine::State& state() const { return state_; }
  log::Log& log() { return log_; }
  ReleaseGate& gate() { return gate_; }
  const ReleaseGate& gate() const { return gate_; }
  watch::Hub& hub() { return hub_; }
  Histories& histories() { return histories_; }
  io::Clock& clock() { return clock_; }
  /// Told of the free space by whoever looks at the disk.
  DiskReserve& reserve() { return reserve_; }
  const DiskReserve& reserve() const { return reserve_; }
  /// Told of what the process uses by whoever looks at it.
  MemoryBound& memory() { return memory_; }
  const MemoryBound& memory() const { return memory_; }

  /// Tells that requests about these instances come next: what they will read is on its way.
  void prefetch(std::span<const std::string_view> ids) const { state_.instances().prefetch(ids); }

  /// Starts a write; kWalIoError when the log has stopped, kRateLimited when the disk has only its
  /// reserve left.
  Result<Sequencer::Write> write(const Origin& origin);

  /// Offset on which an answer depends that shows anything of the whole state.
  uint64_t head() const { return state_.last_offset(); }

  /// Bytes of records that have been given to the log.
  uint64_t bytes_appended() const { return sequencer_->bytes_appended(); }

  /// Has `compaction` told of turns and of the log's fate; it outlives the node's last turn.
  void attach(Compaction& compaction) { compaction_ = &compaction; }
  /// Null on a node that has no disk of its own.
  Compaction* compaction() { return compaction_; }
  /// Begins a snapshot of the state as it is now; see SnapshotRun.
  std::unique_ptr<SnapshotRun> begin_snapshot(const snapshot::DatabaseId& database,
                                              const snapshot::Folder& folder, io::Worker& worker,
                                              SnapshotRun::Done done);

  /// Commits what the turn has gathered, then serves the watchers that are behind and the histories
  /// that are being read. The loop calls it at the end of each turn.
  void end_turn();

 private:
  explicit Node(Options options);
  void on_committed(log::Offset offset) override;
  void on_durable(log::Offset offset) override;
  void on_failed(const Error& error) override;
  void on_fenced() override;

  log::Log& log_;
  io::Loop& loop_;
  io::Clock& clock_;
  std::function<void(const Error&)> on_stopped_;
  engine::State state_;
  ReleaseGate gate_;
  watch::Hub hub_;
  Histories histories_;
  DiskReserve reserve_;
  MemoryBound memory_;
  std::unique_ptr<Sequencer> sequencer_;
  Compaction* compaction_ = nullptr;  // not owned
};

}  // namespace rstmdb::node
