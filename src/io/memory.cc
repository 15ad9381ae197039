#include "io/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace rstmdb::io {
namespace {

/// UINT64_MAX for "max", and for what is not there.
uint64_t read_bound(const std::string& path) {
  std::ifstream file(path);
  uint64_t bytes = 0;
  return file >> bytes ? bytes : UINT64_MAX;
}

/// Of a group and all those that it is in.
uint64_t least_bound(const std::string& mounted, std::string group, const char* file) {
  uint64_t least = UINT64_MAX;
  while (true) {
    if (group == "/") group.clear();
    least = std::min(least, read_bound(mounted + group + "/" + file));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

uint64_t page_bytes() { return static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)); }

class SystemMemory final : public Memory {
 public:
  uint64_t resident_bytes() override {
    std::ifstream file("/proc/self/statm");
    uint64_t pages = 0;
    uint64_t resident = 0;
    return file >> pages >> resident ? resident * page_bytes() : 0;
  }
  uint64_t allowed_bytes() override {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const uint64_t machine = pages > 0 ? static_cast<uint64_t>(pages) * page_bytes() : UINT64_MAX;
    const uint64_t least = std::min(machine, control_groups_allow(""));
    return least == UINT64_MAX ? 0 : least;
  }
};

}  // namespace

Memory& system_memory() {
  static SystemMemory memory;
  return memory;
}

uint64_t control_groups_allow(const std::string& root) {
  // A line for each hierarchy: its number, its controllers, the path of the group; see cgroups(7).
  uint64_t least = UINT64_MAX;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    const std::string mounted = root + "/sys/fs/cgroup";
    if (controllers.empty()) least = std::min(least, least_bound(mounted, group, "memory.max"));
    if (controllers == "memory")
      least = std::min(least, least_bound(mounted + "/memory", group, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace rstmdb::io
