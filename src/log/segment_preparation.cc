#include "log/segment_preparation.h"

#include <algorithm>
#include <utility>

#include "log/segment_writer.h"

namespace rstmdb::log {
namespace {
/// A sync once in so many bytes, so that none has much to do.
constexpr uint64_t kSyncBytes = 4 * 1024 * 1024;
}  // namespace

SegmentPreparation::SegmentPreparation(Options options)
    : owner(options.owner),
      options_(std::move(options)),
      path_(options_.folder + "/" + std::string(kPreparedSegmentName)) {}

void SegmentPreparation::step() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kUnderWay) return;
  if (!write_more().ok()) {
    give_space_back();
  } else if (done_ == options_.bytes) {
    state_ = State::kReady;
  }
}

void SegmentPreparation::look() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kUnderWay && !check_space().ok()) give_space_back();
}

/// A full disk wants the space back; if even that fails, the next start removes the file.
void SegmentPreparation::give_space_back() {
  if (std::exchange(file_, nullptr)) static_cast<void>(options_.files.remove(path_).ok());
  state_ = State::kGivenUp;
}

Result<void> SegmentPreparation::check_space() {
  const uint64_t left = options_.bytes - done_;
  RSTMDB_ASSIGN(const uint64_t free, options_.files.free_bytes(options_.folder));
  if (free < options_.reserve_bytes || free - options_.reserve_bytes < left)
    return Error(Code::kRateLimited, "the free space is reserved");
  return {};
}

Result<void> SegmentPreparation::write_more() {
  RSTMDB_TRY(check_space());
  if (!file_) {
    RSTMDB_ASSIGN(file_, options_.files.open(path_, io::FileSystem::Open::kCreateNew));
  }
  const uint64_t step = std::min(kStepBytes, options_.bytes - done_);
  RSTMDB_TRY(file_->write_zeros(done_, step));
  done_ += step;
  if (done_ % kSyncBytes == 0 || done_ == options_.bytes) RSTMDB_TRY(file_->sync());
  return {};
}

void SegmentPreparation::give_up() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kUnderWay) state_ = State::kGivenUp;
}

}  // namespace rstmdb::log
