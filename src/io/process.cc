#include "io/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rstmdb::io {
namespace {

/// The start of a file of /proc, which are all short enough; "" when it cannot be read.
std::string read_proc(const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::array<char, 4096> bytes;
  const ssize_t size = ::read(file, bytes.data(), bytes.size());
  ::close(file);
  return size > 0 ? std::string(bytes.data(), static_cast<size_t>(size)) : "";
}

uint64_t number_of(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The fields of /proc/self/stat from the third on. The second is the program's name in
/// parentheses, which may hold anything.
std::vector<std::string_view> stat_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  const size_t end = text.rfind(')');
  if (end == std::string_view::npos) return fields;
  text.remove_prefix(end + 1);
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const size_t size = std::min(text.find_first_of(" \n"), text.size());
    fields.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return fields;
}

/// Seconds since 1970 at which the machine was started. The same for every call, so that the start
/// of the process does not seem to move when the wall clock is set.
double boot_seconds() {
  static const double seconds = [] {
    timespec now;
    timespec up;
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    return static_cast<double>(now.tv_sec - up.tv_sec) +
           static_cast<double>(now.tv_nsec - up.tv_nsec) / 1e9;
  }();
  return seconds;
}

uint64_t open_files() {
  // The size of this folder is the number of its entries, where the kernel says it at all.
  struct stat folder;
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<uint64_t>(folder.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir("/proc/self/fd"), ::closedir);
  if (!entries) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(entries.get()))
    if (entry->d_name[0] != '.') ++count;
  return count > 0 ? count - 1 : 0;  // without the one that was opened to look
}

uint64_t soft_limit(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit;
  if (::getrlimit(resource, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

}  // namespace

ProcessUsage process_usage() {
  // Places in `fields`, which begin with the third field of proc(5).
  constexpr size_t kUserTicks = 11, kSystemTicks = 12, kThreads = 17, kStartTicks = 19,
                   kVirtualBytes = 20, kResidentPages = 21;
  ProcessUsage usage;
  const std::string text = read_proc("/proc/self/stat");
  const auto fields = stat_fields(text);
  if (fields.size() > kResidentPages) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    usage.cpu_seconds =
        static_cast<double>(number_of(fields[kUserTicks]) + number_of(fields[kSystemTicks])) /
        ticks;
    usage.threads = number_of(fields[kThreads]);
    usage.start_time_seconds =
        boot_seconds() + static_cast<double>(number_of(fields[kStartTicks])) / ticks;
    usage.virtual_bytes = number_of(fields[kVirtualBytes]);
    usage.resident_bytes =
        number_of(fields[kResidentPages]) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  usage.virtual_bytes_max = soft_limit(RLIMIT_AS);
  usage.open_files = open_files();
  usage.open_files_max = soft_limit(RLIMIT_NOFILE);
  return usage;
}

}  // namespace rstmdb::io
