// The worker's half of a SnapshotRun: the file, written and then checked piece by piece.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/state_walk.h"
#include "snapshot/folder.h"
#include "snapshot/reader.h"
#include "snapshot/writer.h"

namespace rstmdb::node {

class SnapshotRun;

/// Shared by the run and the worker's queue. work() runs on the worker; everything else on the
/// loop's thread while no piece is under way there.
class SnapshotFile {
 public:
  struct Options {
    SnapshotRun* owner;
    const snapshot::Folder& folder;
    snapshot::Header header;
    uint64_t reserve_bytes;  // free space that it has to leave
  };
  explicit SnapshotFile(const Options& options)
      : owner(options.owner),
        folder_(options.folder),
        header_(options.header),
        reserve_bytes_(options.reserve_bytes) {}

  /// Writes `blocks`, or, when there are none, ends the file and checks it, a piece in each call.
  void work();
  /// Nobody waits any more: what is under way ends soon and nothing follows. Does not wait, because
  /// a disk that hangs shall hold up nobody.
  void give_up();

  SnapshotRun* owner;                    // null once given up
  bool handed_over = false;              // a piece is on the worker, or on its way back
  std::vector<engine::RowBlock> blocks;  // of the piece
  Result<void> outcome;
  bool right = false;  // written, on disk, checked

  const snapshot::Verified& verified() const { return verified_; }

 private:
  Result<void> work_on();
  Result<void> write_blocks();
  Result<void> leave_reserve() const;
  Result<void> check_more();

  const snapshot::Folder folder_;
  const snapshot::Header header_;
  const uint64_t reserve_bytes_;
  std::atomic<bool> given_up_ = false;
  std::unique_ptr<snapshot::Writer> writer_;
  std::unique_ptr<snapshot::Verifier> verifier_;
  snapshot::Verified verified_;
};

}  // namespace rstmdb::node
