// Write and fdatasync, again and again.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "limits/limits.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kFileBytes = 64 * 1024 * 1024;

/// A file that is gone with the object.
class Scratch {
 public:
  explicit Scratch(const std::string& folder)
      : path_(folder + "/limits." + std::to_string(::getpid())),
        descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  ~Scratch() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  std::string path_;
  int descriptor_;
};

Result<void> fill_with_zeros(int descriptor) {
  const std::vector<char> zeros(kBlockBytes);
  for (size_t at = 0; at < kFileBytes; at += kBlockBytes) {
    if (::pwrite(descriptor, zeros.data(), kBlockBytes, static_cast<off_t>(at)) !=
        static_cast<ssize_t>(kBlockBytes))
      return call_failed("pwrite");
  }
  if (::fsync(descriptor) != 0) return call_failed("fsync");
  return {};
}

enum class Into { kGrowing, kZeros };

Result<void> measure_sync(const Arguments& arguments, Into into, Latencies& latencies) {
  Scratch file(arguments.folder);
  if (file.descriptor() < 0) return call_failed("open");
  if (into == Into::kZeros) RSTMDB_TRY(fill_with_zeros(file.descriptor()));
  const std::string bytes(arguments.bytes, 'x');
  size_t at = 0;
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  for (int64_t from_ns = now_ns(); from_ns < end_ns;) {
    if (into == Into::kZeros && at + bytes.size() > kFileBytes) at = 0;
    if (::pwrite(file.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(bytes.size()))
      return call_failed("pwrite");
    if (::fdatasync(file.descriptor()) != 0) return call_failed("fdatasync");
    at += bytes.size();
    const int64_t to_ns = now_ns();
    latencies.record(to_ns - from_ns);
    from_ns = to_ns;
  }
  return {};
}

}  // namespace

Result<void> measure_appending(const Arguments& arguments, Latencies& latencies) {
  return measure_sync(arguments, Into::kGrowing, latencies);
}

Result<void> measure_prezeroed(const Arguments& arguments, Latencies& latencies) {
  return measure_sync(arguments, Into::kZeros, latencies);
}

}  // namespace rstmdb::bench
