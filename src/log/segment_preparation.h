// The next segment, written full of zeros ahead of its use: a flush into blocks that are there
// already changes no metadata, which makes it far quicker.
//
// Only a saving, never a need: when it fails, is not ready in time, or would leave less free space
// than is reserved, the next segment begins as an empty file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "io/file_system.h"

namespace rstmdb::log {

class SegmentLog;

/// Shared by the log and the worker's queue; step() may run on any thread.
class SegmentPreparation {
 public:
  enum class State { kUnderWay, kReady, kGivenUp };

  struct Options {
    SegmentLog* owner;
    io::FileSystem& files;
    std::string folder;
    uint64_t bytes;
    uint64_t reserve_bytes;
  };
  explicit SegmentPreparation(Options options);

  /// How much one step writes: little, because flushes wait for the disk behind it.
  static constexpr uint64_t kStepBytes = 128 * 1024;

  /// Writes the next zeros.
  void step();
  /// Writes nothing, but gives the space back when too little is left beside it.
  void look();
  /// Ends the work; a step that is under way is waited for. What was written stays, to be removed
  /// by the next start.
  void give_up();
  State state() const { return state_.load(); }
  /// The file, once the state is kReady.
  std::unique_ptr<io::File> take() { return std::move(file_); }

  SegmentLog* owner;  // null once nobody waits; loop's thread only

 private:
  Result<void> check_space();
  Result<void> write_more();
  void give_space_back();

  const Options options_;
  const std::string path_;
  std::mutex mutex_;  // held for the length of a step
  std::atomic<State> state_ = State::kUnderWay;
  uint64_t done_ = 0;
  std::unique_ptr<io::File> file_;
};

}  // namespace rstmdb::log
