// The segment log by itself: what the contract suite does not ask of every log.
#include "log/segment_log.h"

#include <gtest/gtest.h>

#include "log/log_test_support.h"

namespace rstmdb::log {
namespace {

class SegmentLogTest : public ::testing::Test {
 protected:
  TemporaryFolder temporary_;
  LogBench bench_{io::system_file_system(), temporary_.path() + "/data/log"};
};

TEST_F(SegmentLogTest, keeps_units_over_a_clean_restart) {
  auto log = bench_.open_well();
  EXPECT_TRUE(bench_.recovery.created);
  for (uint32_t i = 1; i <= 100; ++i) ASSERT_TRUE(append_one(*log, 1 + i % 3, i * 10).ok());
  log->flush();
  EXPECT_EQ(bench_.listener.committed, log->next_offset() - 1);
  const auto before = read_units(*log);
  ASSERT_TRUE(before.ok());
  ASSERT_EQ(before->size(), 100u);
  ASSERT_TRUE(log->close().ok());
  log = bench_.open_well();
  EXPECT_FALSE(bench_.recovery.created);
  EXPECT_TRUE(bench_.recovery.clean_close);
  EXPECT_EQ(bench_.recovery.torn_bytes, 0u);
  const auto after = read_units(*log);
  ASSERT_TRUE(after.ok());
  EXPECT_TRUE(*after == *before);
}

TEST_F(SegmentLogTest, keeps_committed_units_over_a_kill) {
  auto log = bench_.open_well();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(append_one(*log, 2, 100).ok());
    log->flush();
  }
  log.reset();
  log = bench_.open_well();
  EXPECT_FALSE(bench_.recovery.clean_close);
  EXPECT_EQ(log->committed(), 100u);
  const auto units = read_units(*log);
  ASSERT_TRUE(units.ok());
  EXPECT_EQ(units->size(), 50u);
}

TEST_F(SegmentLogTest, a_second_process_is_refused) {
  auto log = bench_.open_well();
  LogBench other(io::system_file_system(), bench_.folder);
  const auto second = other.open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kConflict);
}

TEST_F(SegmentLogTest, a_thousand_appends_share_one_write_and_one_sync) {
  auto log = bench_.open_well();
  const Stats before = log->stats();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  const Stats after = log->stats();
  EXPECT_EQ(after.writes - before.writes, 1u);
  EXPECT_EQ(after.syncs - before.syncs, 1u);
  EXPECT_EQ(bench_.listener.commits, 1);
  EXPECT_EQ(bench_.listener.committed, 1000u);
}

}  // namespace
}  // namespace rstmdb::log
