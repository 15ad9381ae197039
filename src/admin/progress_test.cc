#include "admin/progress.h"

#include <gtest/gtest.h>

namespace rstmdb::admin {
namespace {

class SetClock final : public io::Clock {
 public:
  int64_t wall_ms() override { return 0; }
  int64_t steady_ns() override { return now_ns; }
  int64_t now_ns = 0;
};

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kMiB = 1024 * 1024;

TEST(Progress, shows_a_line_a_second_and_one_at_the_end) {
  SetClock clock;
  std::string shown;
  Progress progress({.clock = clock,
                     .style = Progress::Style::kLines,
                     .show = [&](std::string_view text) { shown += text; }});
  progress.begin("copying", 8 * kMiB);
  ASSERT_TRUE(progress.at(kMiB).ok());
  EXPECT_EQ(shown, "");
  clock.now_ns = kSecondNs;
  ASSERT_TRUE(progress.at(2 * kMiB).ok());
  ASSERT_TRUE(progress.at(3 * kMiB).ok());
  EXPECT_EQ(shown, "copying: 2.0 MiB of 8.0 MiB (25%), 2.0 MiB/s, 1.0 s\n");
  shown.clear();
  clock.now_ns = 2 * kSecondNs;
  progress.end();
  EXPECT_EQ(shown, "copying: 8.0 MiB of 8.0 MiB (100%), 4.0 MiB/s, 2.0 s\n");
}

TEST(Progress, on_a_terminal_it_stays_on_one_line) {
  SetClock clock;
  std::string shown;
  Progress progress({.clock = clock,
                     .style = Progress::Style::kSameLine,
                     .show = [&](std::string_view text) { shown += text; }});
  progress.begin("reading", 0);
  clock.now_ns = kSecondNs;
  ASSERT_TRUE(progress.at(512).ok());
  EXPECT_EQ(shown, "\r\x1b[Kreading: 512 B, 512 B/s, 1.0 s");
  progress.end();
  EXPECT_TRUE(shown.ends_with("\n"));
}

TEST(Progress, says_when_it_is_to_end) {
  SetClock clock;
  bool interrupted = false;
  Progress progress({.clock = clock,
                     .style = Progress::Style::kNothing,
                     .show = [](std::string_view) { ADD_FAILURE(); },
                     .interrupted = [&] { return interrupted; }});
  progress.begin("reading", 1);
  EXPECT_TRUE(progress.at(1).ok());
  interrupted = true;
  EXPECT_EQ(progress.at(1).error().detail("code"), "INTERRUPTED");
  progress.end();
}

TEST(Progress, bytes_are_readable) {
  EXPECT_EQ(readable_bytes(0), "0 B");
  EXPECT_EQ(readable_bytes(999), "999 B");
  EXPECT_EQ(readable_bytes(1000), "1.0 KiB");
  EXPECT_EQ(readable_bytes(300 * kMiB), "300 MiB");
  EXPECT_EQ(readable_bytes(uint64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace rstmdb::admin
