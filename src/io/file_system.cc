// The system's files. Every call that can be interrupted is repeated, every short write is
// continued, and nothing is ever reached through a symbolic link as last path component.
#include "io/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace rstmdb::io {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

Error call_failed(std::string_view call, const std::string& path, int number) {
  std::string text(call);
  text.append(" ").append(path).append(": ").append(std::generic_category().message(number));
  return Error(Code::kWalIoError, std::move(text))
      .with("call", call)
      .with("path", path)
      .with("errno", int64_t{number});
}

/// Repeats a call that a signal has interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Without the file's times. Since Linux 6.13 a file gets an exact time with the first write after
/// somebody has seen its times, otherwise one that changes with the clock's ticks; so a look at
/// them between two flushes would make each flush write the inode too.
constexpr unsigned kLookedAt = STATX_TYPE | STATX_INO | STATX_SIZE;

Result<struct statx> look_at(int fd, const std::string& path) {
  struct statx found{};
  if (::statx(fd, "", AT_EMPTY_PATH, kLookedAt, &found) != 0)
    return call_failed("status", path, errno);
  return found;
}

/// Whether `path` leads to the open file of which `open` tells. As long as it is open no other file
/// can get its number.
Result<bool> leads_to(const std::string& path, const struct statx& open) {
  struct statx found{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, kLookedAt, &found) == 0)
    return found.stx_dev_major == open.stx_dev_major && found.stx_dev_minor == open.stx_dev_minor &&
           found.stx_ino == open.stx_ino;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return call_failed("status", path, errno);
}

/// What zeros are written from. Never touched otherwise, so the system has no memory of its own for
/// it.
constexpr size_t kZerosBytes = 1024 * 1024;
constexpr size_t kDirectAlignment = 4096;
alignas(kDirectAlignment) char zeros_storage[kZerosBytes];
constexpr std::string_view kZeros(zeros_storage, kZerosBytes);

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = uninterrupted([&] {
        return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (written < 0) return call_failed("write", path_, errno);
      if (written == 0) return call_failed("write", path_, ENOSPC);
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return {};
  }

  Result<void> write_zeros(uint64_t offset, uint64_t size) override {
    // Past the page cache where the file system can: copying zeros into it costs as much processor
    // time as everything else that is done with these bytes.
    const int flags = ::fcntl(fd_.get(), F_GETFL);
    const bool direct = offset % kDirectAlignment == 0 && size % kDirectAlignment == 0 &&
                        flags >= 0 && ::fcntl(fd_.get(), F_SETFL, flags | O_DIRECT) == 0;
    if (direct) {
      const bool written = write_zero_stretches(offset, size).ok();
      if (::fcntl(fd_.get(), F_SETFL, flags) != 0) return call_failed("write", path_, errno);
      if (written) return {};
    }
    // Also after a failure, which may be one of the direct way alone (a larger alignment).
    return write_zero_stretches(offset, size);
  }

  Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = uninterrupted([&] {
        return ::pread(fd_.get(), into.data() + done, into.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (got < 0) return call_failed("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<void> sync() override {
    // Not repeated on EINTR: a flush that failed for whatever reason must not be tried again.
    if (::fdatasync(fd_.get()) != 0) return call_failed("sync", path_, errno);
    return {};
  }

  Result<void> truncate(uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0)
      return call_failed("truncate", path_, errno);
    return {};
  }

  Result<void> allocate(uint64_t size) override {
    int number = EINTR;
    while (number == EINTR) number = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
    if (number != 0) return call_failed("allocate", path_, number);
    return {};
  }

  Result<FileStatus> status() override {
    RSTMDB_ASSIGN(const struct statx open, look_at(fd_.get(), path_));
    RSTMDB_ASSIGN(const bool at_path, leads_to(path_, open));
    return FileStatus{.size = open.stx_size, .at_path = at_path};
  }

  void forget_cached() override {
    static_cast<void>(::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED));
  }

  Result<void> close() override {
    // Linux closes the descriptor even when it answers EINTR, so there is nothing to repeat.
    const int fd = fd_.release();
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return call_failed("close", path_, errno);
    return {};
  }

  const std::string& path() const override { return path_; }

 private:
  Result<void> write_zero_stretches(uint64_t offset, uint64_t size) {
    while (size > 0) {
      const std::string_view stretch = kZeros.substr(0, size);
      RSTMDB_TRY(write_at(offset, stretch));
      offset += stretch.size();
      size -= stretch.size();
    }
    return {};
  }

  Descriptor fd_;
  std::string path_;
};

class PosixLock final : public Lock {
 public:
  PosixLock(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<bool> holds() override {
    RSTMDB_ASSIGN(const struct statx open, look_at(fd_.get(), path_));
    return leads_to(path_, open);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    // O_NONBLOCK: a pipe in a file's place must be refused, not waited for.
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    switch (how) {
      case Open::kRead:
        flags |= O_RDONLY;
        break;
      case Open::kReadWrite:
        flags |= O_RDWR;
        break;
      case Open::kCreateNew:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    Descriptor fd(uninterrupted([&] { return ::open(path.c_str(), flags, kFileMode); }));
    if (fd.get() < 0) return call_failed("open", path, errno);
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return call_failed("open", path, errno);
    if (!S_ISREG(status.st_mode)) return call_failed("open", path, EINVAL);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return call_failed("rename", from, errno);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return call_failed("remove", path, errno);
    return {};
  }

  Result<uint64_t> allocated_bytes(const std::string& path) override {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return call_failed("size", path, errno);
    constexpr uint64_t kBlockBytes = 512;  // whatever the file system's own block is
    return static_cast<uint64_t>(status.st_blocks) * kBlockBytes;
  }

  Result<void> remove_folder(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return call_failed("remove_folder", path, errno);
    return {};
  }

  Result<void> make_folder(const std::string& path) override {
    for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
      RSTMDB_TRY(make_one_folder(path.substr(0, end)));
    return make_one_folder(path);
  }

  Result<void> sync_folder(const std::string& path) override {
    // Folders above the data folder may be links; those inside have been listed, which follows
    // none.
    RSTMDB_ASSIGN(const Descriptor fd, open_folder(path, "sync_folder", 0));
    if (::fsync(fd.get()) != 0) return call_failed("sync_folder", path, errno);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    RSTMDB_ASSIGN(Descriptor fd, open_folder(path, "list", O_NOFOLLOW));
    std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd.get()), &::closedir);
    if (!folder) return call_failed("list", path, errno);
    fd.release();  // closedir closes it
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    if (errno != 0) return call_failed("list", path, errno);
    std::ranges::sort(names);
    return names;
  }

  Result<bool> exists(const std::string& path) override {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT) return false;
    return call_failed("exists", path, errno);
  }

  Result<std::unique_ptr<Lock>> lock(const std::string& path) override {
    Descriptor fd(uninterrupted([&] {
      return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
    }));
    if (fd.get() < 0) return call_failed("lock", path, errno);
    if (uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return call_failed("lock", path, errno);
      return Error(Code::kConflict, path + " is held by another process").with("path", path);
    }
    return std::unique_ptr<Lock>(std::make_unique<PosixLock>(std::move(fd), path));
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status{};
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0)
      return call_failed("free_bytes", path, errno);
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }

 private:
  static Result<void> make_one_folder(const std::string& path) {
    if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
    const int number = errno;
    struct stat status{};
    if (number == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      return {};
    return call_failed("make_folder", path, number);
  }

  static Result<Descriptor> open_folder(const std::string& path, std::string_view call, int flag) {
    Descriptor fd(uninterrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flag); }));
    if (fd.get() < 0) return call_failed(call, path, errno);
    return fd;
  }
};

}  // namespace

FileSystem& system_file_system() {
  static PosixFileSystem instance;
  return instance;
}

}  // namespace rstmdb::io
