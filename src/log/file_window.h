// A read-ahead window over a file: one system call serves many small reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"

namespace rstmdb::log {

/// Reads of a file come through a buffer of at least `capacity` bytes. One thread at a time.
class FileWindow {
 public:
  explicit FileWindow(size_t capacity) : capacity_(capacity) {}

  /// Reads `file` from now on; the caller keeps it alive. Forgets what was buffered.
  void look_at(io::File& file);

  /// Bytes [at, at + size) of the file, valid until the next call. Nothing at or behind `end` is
  /// read, so bytes that are still being written never get into the buffer. Shorter than `size`
  /// when `end` or the file's end comes first.
  Result<std::string_view> fetch(uint64_t at, size_t size, uint64_t end);

  uint64_t reads() const { return reads_; }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  size_t buffer_size_ = 0;
  io::File* file_ = nullptr;
  uint64_t begin_ = 0;  // of the buffered bytes, in the file
  size_t filled_ = 0;   // buffered bytes
  uint64_t reads_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace rstmdb::log
