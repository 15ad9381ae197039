// Compaction: snapshots are taken, and the log that they make superfluous is removed.
//
//   due, or asked for ─► run (walk, write, check) ─► the log is durable up to it ─► named, older
//   ones removed ─► log trimmed ─► who asked is told
//
// What must hold: a snapshot counts only once its name is durable, and gets its name only once the
// log is durable up to its offset, so that no start finds a snapshot of what the log has lost. The
// log is kept from the *oldest kept* snapshot on: should the newest be damaged, the one before and
// the log behind it still lead to the state. With a single snapshot, the second way is the whole
// log, so nothing is removed yet.
//
// A snapshot that fails is a line in the log and an answer; nothing else depends on it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"
#include "io/clock.h"
#include "io/executor.h"
#include "log/log.h"
#include "node/snapshot_run.h"
#include "snapshot/folder.h"

namespace rstmdb::node {

class Node;

/// When a snapshot is taken without being asked for: so many records or so many bytes of log after
/// the last, but not sooner than this after the last attempt, and not before the log since the last
/// is as long as the last snapshot, so that a large state is not written again and again for a
/// little news.
struct CompactionPolicy {
  bool enabled = true;
  uint64_t records = 10'000;
  uint64_t bytes = 100 * 1024 * 1024;
  int64_t interval_ms = 60'000;
};

/// What a COMPACT has done.
struct Compacted {
  uint64_t snapshots_created = 0;
  uint64_t segments_deleted = 0;
  uint64_t bytes_reclaimed = 0;
  uint64_t total_snapshots = 0;
  uint64_t wal_segments = 0;
};

struct CompactionStats {
  uint64_t snapshots_taken = 0;  // since the start
  uint64_t snapshots_failed = 0;
  Histogram duration_ns{kLongTimeBoundsNs};  // of each one taken, from its first row to its name
  uint64_t segments_deleted = 0;
  uint64_t bytes_reclaimed = 0;
  bool running = false;
  // The newest snapshot; zeros while there is none. The duration is known only of one's own.
  uint64_t last_offset = 0;
  uint64_t last_bytes = 0;
  int64_t last_duration_ms = 0;
  int64_t last_slice_ns_max = 0;  // the longest that the loop was held up by its walk
  uint64_t kept = 0;              // in the folder
};

/// On the loop's thread.
class Compaction {
 public:
  struct Options {
    Node& node;
    io::Loop& loop;
    io::Worker& worker;       // not the log's: nothing here may hold up a flush
    snapshot::Folder folder;  // prepared
    snapshot::DatabaseId database;
    CompactionPolicy policy = {};
    std::vector<snapshot::Stored> kept = {};  // known to be right, oldest first
    uint64_t newest_bytes = 0;                // size of the newest of them
    uint64_t log_bytes = 0;                   // of the log behind it
    /// Smallest offset of the log that someone still reads, or one behind the last.
    std::function<log::Offset()> oldest_needed = [] { return UINT64_MAX; };
  };
  explicit Compaction(Options options);
  ~Compaction();

  enum class Snapshot { kIfNew, kAlways };
  using Done = std::move_only_function<void(Result<Compacted>)>;
  /// Takes a snapshot when something has happened since the last (or always), removes what the log
  /// no longer needs, and tells `done` at the end of some later turn. Who asks while one is under
  /// way is told its outcome. kRateLimited (code STOPPING, SNAPSHOT_OVERRUN) and kWalIoError (code
  /// SNAPSHOT_FAILED, LOG_STOPPED).
  void compact(Snapshot wanted, Done done);

  /// Gives up what is under way, and answers and refuses whoever asks.
  void stop();

  CompactionStats stats() const;

  // The node calls these.
  void on_turn_end();
  void on_durable(log::Offset offset);
  void on_log_stopped(const Error& error);

 private:
  class Publication;
  enum class Phase { kIdle, kTaking, kWaitingForLog, kNaming, kTrimming };

  bool due();
  uint64_t log_bytes_since_last() const;
  void begin(Snapshot wanted);
  void begin_snapshot();
  void take_slice();
  void snapshot_written(Result<SnapshotRun::Written> outcome);
  void publish();
  void published();
  void trim();
  void trimmed(const Result<log::Trimmed>& outcome);
  void fail(const Error& error);
  void end(const Result<Compacted>& outcome);
  void give_up();

  Options options_;
  Phase phase_ = Phase::kIdle;
  std::optional<Error> refusal_;  // set once nothing more is begun
  std::vector<Done> waiting_;
  Snapshot wanted_ = Snapshot::kIfNew;  // the most that those who wait have asked for
  std::unique_ptr<SnapshotRun> run_;
  SnapshotRun::Written written_;
  std::shared_ptr<Publication> publication_;  // shared with the worker's queue
  Compacted result_;                          // of what is under way
  CompactionStats stats_;

  // About the newest snapshot, or the last attempt.
  uint64_t log_bytes_at_last_ = 0;  // what the node had appended when it was begun
  uint64_t log_bytes_at_run_ = 0;
  int64_t attempted_ns_ = 0;
  int64_t began_ns_ = 0;
  int64_t slice_ns_max_ = 0;
};

}  // namespace rstmdb::node
