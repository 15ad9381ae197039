#include "io/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace rstmdb::io {
namespace {

TEST(Process, CountsTheFilesThatAreOpen) {
  const uint64_t before = process_usage().open_files;
  std::vector<int> files;
  for (int i = 0; i < 10; ++i) files.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(process_usage().open_files, before + 10);
  for (const int file : files) ::close(file);
  EXPECT_EQ(process_usage().open_files, before);
  EXPECT_GE(process_usage().open_files_max, before + 10);
}

TEST(Process, KnowsItsMemoryTimeAndStart) {
  const ProcessUsage first = process_usage();
  EXPECT_GE(first.threads, 1u);
  EXPECT_GT(first.virtual_bytes, first.resident_bytes);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double now_s = std::chrono::duration<double>(now).count();
  EXPECT_LT(first.start_time_seconds, now_s + 2);
  EXPECT_GT(first.start_time_seconds, now_s - 3600);
  constexpr size_t kBytes = 64 << 20;
  std::vector<char> memory(kBytes, 1);
  const ProcessUsage second = process_usage();
  EXPECT_GE(second.resident_bytes, first.resident_bytes + kBytes / 2) << memory.back();
  EXPECT_GE(second.cpu_seconds, first.cpu_seconds);
}

}  // namespace
}  // namespace rstmdb::io
