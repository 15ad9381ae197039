// One snapshot on its way: a walk over the state on the loop, in slices between which writers go
// on, and a file that grows on a worker.
//
//   step() ─► rows ─► waiting blocks ─► worker: write, sync every MiB ─► … ─► trailer, sync ─►
//   read back and checked ─► done
//
// Rows that wait for the disk are bounded: above limits::kSnapshotWaitingBytesMax the walk pauses.
// What writers push out of it cannot pause; above limits::kSnapshotOverrunBytesMax the run is given
// up, because a snapshot can be taken later and a write cannot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/state_walk.h"
#include "io/clock.h"
#include "io/executor.h"
#include "snapshot/folder.h"
#include "snapshot/format.h"

namespace rstmdb::node {

class SnapshotFile;

/// On the loop's thread.
class SnapshotRun {
 public:
  struct Written {
    engine::StateFacts facts;
    uint64_t file_bytes = 0;
    uint64_t rows = 0;
  };
  using Done = std::move_only_function<void(Result<Written>)>;
  struct Options {
    engine::State& state;
    engine::ChainHash chain;  // of the state's last record
    snapshot::DatabaseId database;
    const snapshot::Folder& folder;
    io::Loop& loop;
    io::Worker& worker;
    uint64_t reserve_bytes;  // of the disk, to be left free
    /// Called once, from a task of the loop's or from step(): the draft is on disk and right, or
    /// why not. kRateLimited with code SNAPSHOT_OVERRUN: writers were faster; DISK_RESERVE: too
    /// little of the disk is free. kConflict: FLUSH_ALL
    /// has taken the state away. Anything else is the file system's. May destroy the run.
    Done done;
  };

  /// Begins: the snapshot will show the state as it is now.
  explicit SnapshotRun(Options options);
  /// Gives the run up. A piece of work that is under way on the worker goes on to its end.
  ~SnapshotRun();
  SnapshotRun(const SnapshotRun&) = delete;
  SnapshotRun& operator=(const SnapshotRun&) = delete;

  /// Walks one slice further: well under a millisecond. Whether another would get any further now.
  bool step();

  const engine::StateFacts& facts() const { return facts_; }

 private:
  bool paused() const;
  void hand_over();
  void piece_done();
  void go_on();
  void end(Result<Written> outcome);

  Options options_;
  const engine::StateFacts facts_;
  std::unique_ptr<engine::StateWalk> walk_;  // null once it has emitted everything
  std::vector<engine::RowBlock> waiting_;
  size_t waiting_bytes_ = 0;     // with those that are on the worker
  io::Loop::TimerId timer_ = 0;  // until the next piece may go to the disk
  // Shared with the worker's queue, which may still hold a piece of its work when the run is gone.
  std::shared_ptr<SnapshotFile> file_;
};

}  // namespace rstmdb::node
