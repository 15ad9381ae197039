// Files, as a seam: the system's file calls in production; in tests a file system in memory that
// knows which bytes are synced, can fail any call and can show what a power cut would leave.
//
// Every failure is kWalIoError with details call, path, errno (number). Files are made with mode
// 0600, folders with 0700; a symbolic link as last path component is never followed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rstmdb::io {

struct FileStatus {
  uint64_t size = 0;
  /// Whether the path it was opened by still leads to it. False once it, or a folder on the way,
  /// was removed, renamed, replaced or hidden by a mount: whoever follows the path finds nothing
  /// that is written from then on.
  bool at_path = true;
};

/// An open file. One thread at a time.
class File {
 public:
  virtual ~File() = default;  // closes; call close() first where a failure matters
  /// Writes all of `bytes` at `offset` (retrying short writes and EINTR), extending the file when
  /// needed.
  virtual Result<void> write_at(uint64_t offset, std::string_view bytes) = 0;
  /// Writes `size` zeros at `offset`, extending the file when needed. As write_at, but meant for
  /// stretches of many MiB that are not read soon: the system need not keep them in memory, so a
  /// later write of less than a page into them may have to read that page first.
  virtual Result<void> write_zeros(uint64_t offset, uint64_t size);
  /// Reads up to `into.size()` bytes at `offset`; fewer only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, std::span<char> into) = 0;
  /// Makes content and size durable (fdatasync). After a failure the file's durable content is
  /// unknown: never call again, the kernel may have dropped the pages.
  virtual Result<void> sync() = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
  /// Reserves space up to `size` without changing what reads show except for zeros beyond the old
  /// end.
  virtual Result<void> allocate(uint64_t size) = 0;
  /// Leaves what the next write costs as it was (the file's times are not looked at).
  virtual Result<FileStatus> status() = 0;
  Result<uint64_t> size() {
    RSTMDB_ASSIGN(const FileStatus now, status());
    return now.size;
  }
  /// Lets the system forget what it keeps in memory of the synced content, so that later reads come
  /// from the disk. A hint: nothing depends on it.
  virtual void forget_cached() = 0;
  virtual Result<void> close() = 0;
  virtual const std::string& path() const = 0;
};

inline Result<void> File::write_zeros(uint64_t offset, uint64_t size) {
  return write_at(offset, std::string(size, '\0'));
}

/// A held lock on a folder; gone with the object or the process.
class Lock {
 public:
  virtual ~Lock() = default;
  /// Whether the path still leads to the file that is locked. False from the moment on when that
  /// file, or a folder on the way to it, is removed, renamed, replaced or hidden by a mount: then
  /// another process may find a folder there that nobody has locked. An error is one of looking and
  /// says neither.
  virtual Result<bool> holds() = 0;
};

class FileSystem {
 public:
  enum class Open { kRead, kReadWrite, kCreateNew };  // kCreateNew fails when the path exists
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  /// Removes an empty folder.
  virtual Result<void> remove_folder(const std::string& path) = 0;
  /// Makes the folder and its missing parents.
  virtual Result<void> make_folder(const std::string& path) = 0;
  /// Makes creations, renames and removals inside the folder durable. `path` may be a symbolic link
  /// to it.
  virtual Result<void> sync_folder(const std::string& path) = 0;
  /// Names (not paths) of the folder's entries, sorted. Refuses a symbolic link.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  /// Takes the folder's lock file `path` for this process; kConflict when another process holds it.
  virtual Result<std::unique_ptr<Lock>> lock(const std::string& path) = 0;
  /// Bytes of the disk that the file takes, holes not counted: what removing it gives back.
  virtual Result<uint64_t> allocated_bytes(const std::string& path) = 0;
  /// Bytes that an unprivileged process may still write to the file system of `path`.
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
};

/// The system's calls.
FileSystem& system_file_system();

}  // namespace rstmdb::io
