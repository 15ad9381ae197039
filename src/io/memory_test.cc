#include "io/memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace rstmdb::io {
namespace {

TEST(SystemMemory, SeesWhatTheProcessTakes) {
  const uint64_t before = system_memory().resident_bytes();
  EXPECT_GT(before, 0u);
  constexpr size_t kBytes = 64 << 20;
  std::vector<char> taken(kBytes, 1);
  EXPECT_GE(system_memory().resident_bytes(), before + kBytes / 2) << taken.back();
  EXPECT_GT(system_memory().allowed_bytes(), before);
}

class ControlGroupsTest : public testing::Test {
 protected:
  ControlGroupsTest() {
    std::string name = testing::TempDir() + "rstmdb-groups-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~ControlGroupsTest() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << "\n";
  }

  std::string root_;
};

TEST_F(ControlGroupsTest, WithoutThemNothingIsBounded) {
  EXPECT_EQ(control_groups_allow(root_), UINT64_MAX);
  write("/proc/self/cgroup", "0::/system.slice/rstmdb.service");
  EXPECT_EQ(control_groups_allow(root_), UINT64_MAX);
}

TEST_F(ControlGroupsTest, TheLeastOfAGroupAndThoseItIsInCounts) {
  write("/proc/self/cgroup", "0::/system.slice/rstmdb.service");
  write("/sys/fs/cgroup/system.slice/rstmdb.service/memory.max", "max");
  EXPECT_EQ(control_groups_allow(root_), UINT64_MAX);
  write("/sys/fs/cgroup/system.slice/memory.max", "3000000");
  EXPECT_EQ(control_groups_allow(root_), 3'000'000u);
  write("/sys/fs/cgroup/system.slice/rstmdb.service/memory.max", "2000000");
  EXPECT_EQ(control_groups_allow(root_), 2'000'000u);
}

TEST_F(ControlGroupsTest, AContainerSeesItsGroupAsTheRoot) {
  write("/proc/self/cgroup", "0::/");
  write("/sys/fs/cgroup/memory.max", "1000000");
  EXPECT_EQ(control_groups_allow(root_), 1'000'000u);
}

TEST_F(ControlGroupsTest, VersionOneIsAsked) {
  write("/proc/self/cgroup", "4:cpu,cpuacct:/docker/a\n9:memory:/docker/a\n0::/docker/a");
  write("/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes", "500000");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(control_groups_allow(root_), 500'000u);
}

}  // namespace
}  // namespace rstmdb::io
