// The removal of segments that the log has forgotten, away from the loop: unlinking a large file
// and syncing a folder can take longer than a flush may wait.
//
// One segment at a time, oldest first, the folder synced after each: whatever a power cut leaves
// has no gap. A failure ends it for good, because going on with a younger segment could leave one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "io/file_system.h"
#include "log/log.h"

namespace rstmdb::log {

class SegmentLog;

/// Shared by the log and the worker's queue; step() runs on the worker, everything else on the
/// loop's thread while no step is under way.
class SegmentTrim {
 public:
  struct Doomed {
    std::string path;
    bool still_open = false;  // a cursor has it, so that its space is not given back yet
  };

  SegmentTrim(SegmentLog* waiting, io::FileSystem& files, std::string folder)
      : owner(waiting), files_(files), folder_(std::move(folder)) {}

  void add(Doomed doomed) { doomed_.push_back(std::move(doomed)); }
  bool done() const { return doomed_.empty() || !outcome.ok(); }
  /// Removes the next segment.
  void step();
  /// Nobody waits any more: a step that is under way is waited for, and none follows.
  void give_up();

  SegmentLog* owner;  // null once nobody waits; loop's thread only
  Result<void> outcome;
  Trimmed trimmed;

 private:
  Result<void> remove_next();

  io::FileSystem& files_;
  const std::string folder_;
  std::mutex mutex_;  // held for the length of a step
  bool given_up_ = false;
  std::deque<Doomed> doomed_;
};

}  // namespace rstmdb::log
