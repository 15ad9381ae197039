#include "load/cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace rstmdb::bench {
namespace {

struct ProcessTimes {
  int parent = 0;
  double seconds = 0;
};

/// From /proc/PID/stat: field 4 is the parent, 14 and 15 are user and system time in ticks.
ProcessTimes times_of(const std::filesystem::path& process) {
  std::ifstream file(process / "stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  ProcessTimes times;
  std::string skipped;
  fields >> skipped >> times.parent;
  for (int field = 5; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  times.seconds = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return times;
}

}  // namespace

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double process_cpu_seconds(int pid) {
  if (pid == 0) return 0;
  double seconds = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const ProcessTimes times = times_of(entry.path());
    if (times.parent == pid || name == std::to_string(pid)) seconds += times.seconds;
  }
  return seconds;
}

}  // namespace rstmdb::bench
