// The node: one state, its log, the sequencer before it and the release gate behind it. Everything
// that a door may do goes through here. On the loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "engine/state.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/random.h"
#include "log/log.h"
#include "node/disk_reserve.h"
#include "node/recovery.h"
#include "node/release_gate.h"
#include "node/sequencer.h"
#include "watch/hub.h"

namespace rstmdb::node {

class Node final : private log::Listener {
 public:
  struct Options {
    log::Log& log;  // opened; outlives the node
    io::Loop& loop;
    io::Clock& clock;
    io::Random& random;
    engine::Bounds bounds;
    uint64_t disk_reserve_bytes = 0;  // free space that writes may not use up; 0: they may
    std::function<void(const ReplayProgress&)> replay_progress = {};
    std::function<void(const Error&)> on_stopped = {};  // the log has stopped for good
  };

  /// Folds the log and is ready for writes.
  static Result<std::unique_ptr<Node>> open(Options options);

  const engine::State& state() const { return state_; }
  log::Log& log() { return log_; }
  ReleaseGate& gate() { return gate_; }
  const ReleaseGate& gate() const { return gate_; }
  watch::Hub& hub() { return hub_; }
  io::Clock& clock() { return clock_; }
  /// Told of the free space by whoever looks at the disk.
  DiskReserve& reserve() { return reserve_; }
  const DiskReserve& reserve() const { return reserve_; }

  /// Starts a write; kWalIoError when the log has stopped, kRateLimited when the disk has only its
  /// reserve left.
  Result<Sequencer::Write> write(const Origin& origin);

  /// Offset on which an answer depends that shows anything of the whole state.
  uint64_t head() const { return state_.last_offset(); }

  /// Commits what the turn has gathered, then serves the watchers that are behind. The loop calls
  /// it at the end of each turn.
  void end_turn();

 private:
  explicit Node(Options options);
  void on_committed(log::Offset offset) override;
  void on_failed(const Error& error) override;
  void on_fenced() override;

  log::Log& log_;
  io::Loop& loop_;
  io::Clock& clock_;
  std::function<void(const Error&)> on_stopped_;
  engine::State state_;
  ReleaseGate gate_;
  watch::Hub hub_;
  DiskReserve reserve_;
  std::unique_ptr<Sequencer> sequencer_;
};

}  // namespace rstmdb::node
