#include "log/file_window.h"

#include <algorithm>

namespace rstmdb::log {

void FileWindow::look_at(io::File& file) {
  file_ = &file;
  filled_ = 0;
}

Result<std::string_view> FileWindow::fetch(uint64_t at, size_t size, uint64_t end) {
  if (at >= end) return std::string_view();
  size = static_cast<size_t>(std::min<uint64_t>(size, end - at));
  if (at < begin_ || at + size > begin_ + filled_) {
    const size_t wanted =
        static_cast<size_t>(std::min<uint64_t>(std::max(size, capacity_), end - at));
    if (buffer_size_ < wanted) {
      // Not value-initialised: a window is filled by reads, and zeroing it would cost as much.
      buffer_ = std::make_unique_for_overwrite<char[]>(wanted);
      buffer_size_ = wanted;
    }
    filled_ = 0;
    RSTMDB_ASSIGN(filled_, file_->read_at(at, {buffer_.get(), wanted}));
    begin_ = at;
    ++reads_;
    bytes_read_ += filled_;
  }
  const size_t skip = static_cast<size_t>(at - begin_);
  return std::string_view(buffer_.get() + skip, std::min(size, filled_ - skip));
}

}  // namespace rstmdb::log
