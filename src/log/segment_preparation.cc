#include "log/segment_preparation.h"

#include <algorithm>
#include <utility>

namespace rstmdb::log {
namespace {
constexpr uint64_t kStepBytes = 4 * 1024 * 1024;
}

SegmentPreparation::SegmentPreparation(SegmentLog* waiting, io::FileSystem& files, std::string path,
                                       uint64_t bytes)
    : owner(waiting), files_(files), path_(std::move(path)), bytes_(bytes) {}

void SegmentPreparation::step() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kUnderWay) return;
  if (!write_more().ok()) {
    // A full disk wants the space back; if even that fails, the next start removes the file.
    if (std::exchange(file_, nullptr)) static_cast<void>(files_.remove(path_).ok());
    state_ = State::kGivenUp;
  } else if (done_ == bytes_) {
    state_ = State::kReady;
  }
}

Result<void> SegmentPreparation::write_more() {
  if (!file_) {
    RSTMDB_ASSIGN(file_, files_.open(path_, io::FileSystem::Open::kCreateNew));
  }
  const std::string zeros(std::min(kStepBytes, bytes_ - done_), '\0');
  RSTMDB_TRY(file_->write_at(done_, zeros));
  RSTMDB_TRY(file_->sync());
  done_ += zeros.size();
  return {};
}

void SegmentPreparation::give_up() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kUnderWay) state_ = State::kGivenUp;
}

}  // namespace rstmdb::log
