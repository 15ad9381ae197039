#include "node/snapshot_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "node/snapshot_file.h"

namespace rstmdb::node {
namespace {

// One slice: with a cache miss or three for each row about a third of a millisecond.
constexpr size_t kSliceRows = 1'000;
constexpr size_t kSliceBytes = 128 * 1024;

// The disk is the log's, too: a flush waits behind what it finds there. So a snapshot is written
// and checked in small pieces with a pause between them, together at most 64 MiB a second.
constexpr size_t kPieceBlocks = 2;  // of limits::kSnapshotBlockBytes
constexpr int64_t kPieceMs = 8;

Error overrun() {
  return Error(Code::kRateLimited, "writes came faster than the disk takes a snapshot; try later")
      .with("code", "SNAPSHOT_OVERRUN")
      .with("limit", static_cast<int64_t>(limits::kSnapshotOverrunBytesMax));
}

Error flushed() {
  return Error(Code::kConflict, "everything was flushed while the snapshot was taken")
      .with("code", "SNAPSHOT_FLUSHED");
}

}  // namespace

SnapshotRun::SnapshotRun(Options options)
    : options_(std::move(options)),
      facts_(options_.state.facts()),
      walk_(std::make_unique<engine::StateWalk>(options_.state)),
      file_(std::make_shared<SnapshotFile>(SnapshotFile::Options{
          .owner = this,
          .folder = options_.folder,
          .header = {.database = options_.database, .facts = facts_, .chain = options_.chain},
          .reserve_bytes = options_.reserve_bytes})) {}

SnapshotRun::~SnapshotRun() {
  options_.loop.cancel(timer_);
  file_->give_up();
}

bool SnapshotRun::paused() const {
  return waiting_bytes_ + walk_->pending_bytes() >= limits::kSnapshotWaitingBytesMax;
}

bool SnapshotRun::step() {
  if (!walk_) return false;
  if (walk_->overtaken()) {
    end(flushed());
    return false;
  }
  if (!paused()) walk_->advance(kSliceRows, kSliceBytes);
  for (engine::RowBlock& block : walk_->take_blocks()) {
    waiting_bytes_ += block.bytes.size();
    waiting_.push_back(std::move(block));
  }
  if (waiting_bytes_ + walk_->pending_bytes() > limits::kSnapshotOverrunBytesMax) {
    end(overrun());
    return false;
  }
  if (walk_->done()) walk_.reset();
  if (!file_->handed_over && (!waiting_.empty() || !walk_)) hand_over();
  return walk_ && !paused();
}

/// Gives the worker a piece of what waits; nothing means that the file is to be ended and checked.
void SnapshotRun::hand_over() {
  RSTMDB_CHECK(!file_->handed_over, "one piece at a time");
  file_->handed_over = true;
  const auto end = waiting_.begin() + std::min(waiting_.size(), kPieceBlocks);
  file_->blocks.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  size_t bytes = 0;
  for (const engine::RowBlock& block : file_->blocks) bytes += block.bytes.size();
  options_.worker.run([file = file_] { file->work(); },
                      [file = file_, bytes] {
                        if (file->owner == nullptr) return;
                        file->owner->waiting_bytes_ -= bytes;
                        file->owner->piece_done();
                      });
}

void SnapshotRun::piece_done() {
  if (!file_->outcome.ok()) return end(file_->outcome.error());
  if (file_->right)
    return end(Written{.facts = facts_,
                       .file_bytes = file_->verified().file_bytes,
                       .rows = file_->verified().rows});
  timer_ = options_.loop.run_after(kPieceMs, [this] { go_on(); });
}

void SnapshotRun::go_on() {
  timer_ = 0;
  file_->handed_over = false;
  if (!waiting_.empty() || !walk_) hand_over();
}

void SnapshotRun::end(Result<Written> outcome) {
  walk_.reset();
  waiting_.clear();
  file_->give_up();
  if (!outcome.ok()) {
    // Behind what is still under way there; what cannot be removed now is by the next attempt.
    options_.worker.run(
        [folder = options_.folder] { static_cast<void>(folder.discard_draft().ok()); }, [] {});
  }
  Done done = std::move(options_.done);
  done(std::move(outcome));
}

}  // namespace rstmdb::node
