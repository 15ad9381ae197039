#include "io/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rstmdb::io {
namespace {

Error refused(const std::string& path, const std::string& what) {
  return Error(Code::kBadRequest, path + ": " + what).with("file", path);
}

Error unreadable(const std::string& path, int number) {
  return refused(path, std::string("cannot be read: ") + std::strerror(number))
      .with("errno", number);
}

/// An open descriptor, closed with the object.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int number;
};

}  // namespace

Result<std::string> read_small_file(const std::string& path, size_t bytes_max, Readers readers) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts{};
  if (file.number < 0 || ::fstat(file.number, &facts) != 0) return unreadable(path, errno);
  if (!S_ISREG(facts.st_mode)) return refused(path, "is not a regular file");
  if (readers == Readers::kOwnerOnly && (facts.st_mode & 077) != 0)
    return refused(path, "may be read or written by others; set its mode to 0600");
  std::string content;
  std::array<char, 16 * 1024> part;
  while (content.size() <= bytes_max) {
    const ssize_t size = ::read(file.number, part.data(), part.size());
    if (size == 0) return content;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return unreadable(path, errno);
    content.append(part.data(), static_cast<size_t>(size));
  }
  return refused(path, "is larger than " + std::to_string(bytes_max) + " bytes");
}

}  // namespace rstmdb::io
