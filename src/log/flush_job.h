// One trip to the disk: a group written, a sync, or both. Runs once, on the loop's thread or on the
// worker, and then carries its outcome back.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "io/clock.h"
#include "log/segment_writer.h"

namespace rstmdb::log {

class SegmentLog;

class FlushJob {
 public:
  enum class Sync { kNo, kYes };

  FlushJob(SegmentLog* waiting, SegmentWriter& writer, io::Clock& clock, Group bytes, Sync wanted)
      : owner(waiting), group(std::move(bytes)), sync(wanted), writer_(writer), clock_(clock) {}

  /// Runs the job unless someone has begun it already.
  void run() {
    State expected = State::kWaiting;
    if (!state_.compare_exchange_strong(expected, State::kRunning)) return;
    const int64_t began = clock_.steady_ns();
    outcome = work();
    took_ns = clock_.steady_ns() - began;
    state_.store(State::kDone);
    state_.notify_all();
  }

  /// Returns when the job has run: runs it here if it still waits in a queue, so that a log can be
  /// closed on a loop that will take no more turns.
  void run_or_wait() {
    run();
    for (State now = state_.load(); now != State::kDone; now = state_.load()) state_.wait(now);
  }

  SegmentLog* owner;  // null once nobody waits for the outcome; loop's thread only
  Group group;
  int64_t waiting_since_ns = 0;  // of the group's first unit
  const Sync sync;
  // The outcome; read only after the job has run.
  Result<void> outcome;
  std::optional<SegmentWriter::Written> written;  // when the group had units
  int64_t took_ns = 0;

 private:
  enum class State { kWaiting, kRunning, kDone };

  Result<void> work() {
    if (group.unit_count != 0) {
      RSTMDB_ASSIGN(written, writer_.write(group));
    }
    if (sync == Sync::kYes) RSTMDB_TRY(writer_.sync());
    // Last: what is acknowledged after this was in its place when it was on disk.
    return writer_.check_file();
  }

  SegmentWriter& writer_;
  io::Clock& clock_;
  std::atomic<State> state_ = State::kWaiting;
};

}  // namespace rstmdb::log
