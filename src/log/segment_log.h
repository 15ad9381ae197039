// The log as segment files in a folder of the local disk (segment_format.h has the bytes).
//
//   append ──► pending group ──flush──► one write, one sync ──► committed ──► listener, cursors
//
// Everything appended between two flushes is one group: a thousand waiting writers share one sync,
// and a lone writer waits for nobody. While flushes are quick they run inline, on the loop's
// thread, which saves two hand-overs; once they are slow they go to the worker, so that a slow disk
// holds up nobody who does not wait for it, and what is appended meanwhile gathers for the next.
//
// The first failed call of a write, sync, rename or folder sync stops the log for good. No sync is
// tried a second time: after a failure the kernel may have dropped the pages and would report
// success for bytes that are gone. A write that failed (a full disk, say) is cut off again, so that
// the next start finds no torn tail; the log stops all the same, because an append that has its
// place cannot be taken back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"
#include "io/random.h"
#include "log/log.h"
#include "log/segment_recovery.h"

namespace rstmdb::log {

/// When what is written is also synced, and so what a power cut can take of what was committed.
struct SyncPolicy {
  enum class Kind {
    kEveryWrite,  // before it is committed: nothing is lost
    kEveryN,      // committed while at most `limit` records are unsynced: those can be lost
    kEveryMs,     // at most `limit` ms after the first unsynced write: that and one sync's time
    kNever,       // when the kernel likes, at rotation and at close
  };
  Kind kind = Kind::kEveryWrite;
  uint64_t limit = 0;
};

class FlushJob;
class SegmentPreparation;
class SegmentTrim;

/// On the loop's thread, like every Log.
class SegmentLog final : public Log {
 public:
  /// Whether the next segment is written full of zeros ahead of its use, on the worker: while the
  /// second half of a segment fills, and once a log that has just been opened is seen to be busy.
  /// In small steps, and in step with what the log takes, so that flushes hardly wait for it; in
  /// step with time where the log writes into a segment that has no zeros.
  enum class Prepare { kNothing, kNextSegment };
  /// What happens when there is no log: a database that has snapshots had one.
  enum class WhenMissing { kCreate, kRefuse };

  struct Options {
    io::FileSystem& files;
    io::Loop& loop;
    io::Worker& worker;      // for flushes and segments to come
    io::Worker& background;  // for what no flush may wait behind: removing segments
    io::Clock& clock;
    io::Random& random;  // for the database id of a new log
    std::string folder;  // made when missing
    uint64_t segment_bytes = limits::kSegmentBytesDefault;
    SyncPolicy sync = {};
    Prepare prepare = Prepare::kNextSegment;
    uint64_t reserve_bytes = 0;                 // free space that preparing has to leave
    std::function<void()> on_new_segment = {};  // on the loop's thread; may be empty
    WhenMissing when_missing = WhenMissing::kCreate;
    std::function<void(const RecoveryProgress&)> progress = {};  // may be empty
    io::Ahead ahead = io::Ahead::kInline;  // where finished segments are read when it is opened
  };

  struct Opened {
    std::unique_ptr<SegmentLog> log;
    Recovery recovery;
  };

  /// Opens the log in `options.folder`, or makes one. What it holds is read from offset 1 (or the
  /// oldest) by an ordinary cursor. Fails with kConflict when another process has the folder, and
  /// with kWalIoError otherwise: see recover().
  static Result<Opened> open(Options options);

  /// Without close(): leaves the log as a killed process would. Waits for a flush that is under
  /// way on the worker.
  ~SegmentLog() override;

  void set_listener(Listener& listener) override { listener_ = &listener; }
  Result<void> append(const Unit& unit) override;
  void flush() override;
  Offset next_offset() const override { return next_offset_; }
  Offset committed() const override { return shelf_->committed(); }
  Offset durable() const override { return durable_; }
  void sync() override;
  size_t uncommitted_bytes() const override { return uncommitted_bytes_; }
  Result<std::unique_ptr<Cursor>> read_from(Offset offset) override;
  std::unique_ptr<Lookup> look_up() override;
  void trim(Offset keep_from, OnTrimmed done) override;
  Stats stats() const override;
  Result<void> close() override;

  /// Looks whether the folder is still this process's, and stops the log when it is not: it, or its
  /// lock file, was removed, moved, replaced or hidden by a mount, so that another process could
  /// take what is found at the path. Flushes look at their own file; this is for a log that has
  /// nothing to flush. Called about once a second.
  void check_folder();

  /// The id made when the log was created.
  const DatabaseId& database() const { return database_; }

 private:
  SegmentLog(Options options, std::unique_ptr<io::Lock> lock,
             std::unique_ptr<SegmentWriter> writer);

  static Result<void> ensure_folder(io::FileSystem& files, const std::string& folder);
  Result<void> start(Recovered recovered);
  Error stopped() const;
  void pump();
  void begin_job();
  bool sync_is_due() const;
  void finish_job();
  void take_back_job();
  void commit(FlushJob& job);
  void reuse(std::string bytes);
  void note_synced(const FlushJob& job);
  void note_times(const FlushJob& job);
  void arm_timer();
  void fail(const Error& error);
  void settle_job();
  void prepare_next_segment();
  std::shared_ptr<SegmentPreparation> let_go_of_preparation();
  bool preparing() const;
  void go_on_preparing();
  void hurry_preparing();
  void write_more_zeros();
  void have_worker_do(void (SegmentPreparation::*work)());
  void end_preparation();
  void go_on_trimming();
  void end_of_trim();
  void forget_trim();

  const Options options_;
  std::unique_ptr<io::Lock> lock_;
  std::unique_ptr<SegmentWriter> writer_;  // the job's while one is under way
  std::shared_ptr<Shelf> shelf_;           // shared with cursors, which may outlive the log
  const DatabaseId database_;
  Listener* listener_ = nullptr;

  // What has been appended since the last job began.
  Group pending_;
  int64_t pending_since_ns_ = 0;  // its first unit; stands for nothing while it has none
  Offset next_offset_ = 1;
  Offset durable_ = 0;
  size_t uncommitted_bytes_ = 0;

  // Committed and not yet synced (every_n, every_ms, never).
  uint64_t unsynced_records_ = 0;
  int64_t unsynced_since_ns_ = 0;
  io::Loop::TimerId timer_ = 0;

  std::shared_ptr<FlushJob> job_;                    // under way; shared with the worker's queue
  std::shared_ptr<SegmentPreparation> preparation_;  // under way or ready; likewise shared
  std::shared_ptr<SegmentTrim> trim_;                // under way, or failed for good; likewise
  OnTrimmed on_trimmed_;                             // who waits for trim_
  uint64_t preparing_since_bytes_ = 0;               // bytes_since_open_ when preparation_ began
  uint64_t zeroed_bytes_ = 0;                        // by its steps, the one under way included
  int64_t zeros_ended_ns_ = 0;                       // the last step, or the beginning
  bool zeroing_ = false;                             // a step is under way
  bool prepared_ = false;  // the writer has, or soon gets, the segment that follows this one
  bool flush_wanted_ = false;
  bool sync_wanted_ = false;
  bool pumping_ = false;
  bool closed_ = false;
  std::unique_ptr<Error> failure_;  // the one that stopped the log
  int64_t flush_ns_ = 0;            // moving average of a flush with a sync
  uint64_t bytes_since_open_ = 0;   // of groups
  SegmentWriter::Counters counters_;
  Histogram group_sizes_{kCountBounds};
  Histogram flush_times_{kTimeBoundsNs};
  Histogram commit_waits_{kTimeBoundsNs};
};

}  // namespace rstmdb::log
