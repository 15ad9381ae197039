// Trims that cannot go on: what was removed stays removed, nothing behind it goes, and the log says
// why.
#include <gtest/gtest.h>

#include <cerrno>

#include "io/simulated_file_system.h"
#include "log/log_test_support.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;

class SegmentTrims : public testing::Test {
 protected:
  void SetUp() override {
    bench_.segment_bytes = 300;
    log_ = bench_.open_well();
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(append_one(*log_, 1, 100).ok());
      log_->flush();
    }
    ASSERT_GT(log_->stats().segment_count, 4u);
  }
  Result<Trimmed> trim(Offset keep_from) {
    return trim_now(*log_, keep_from, [this] {
      bench_.worker.run_jobs();
      bench_.loop.run_posted();
    });
  }

  SimulatedFileSystem files_;
  LogBench bench_{files_, "/data/log"};
  std::unique_ptr<SegmentLog> log_;
};

TEST_F(SegmentTrims, of_a_log_that_has_stopped_are_refused) {
  files_.inject({.call = Call::kSync});
  ASSERT_TRUE(append_one(*log_).ok());
  log_->flush();
  ASSERT_EQ(bench_.listener.failures, 1);
  const uint64_t calls = files_.calls();
  const auto trimmed = trim(8);
  ASSERT_FALSE(trimmed.ok());
  EXPECT_EQ(trimmed.error().detail("code"), "LOG_STOPPED");
  EXPECT_EQ(files_.calls(), calls);
}

TEST_F(SegmentTrims, after_one_that_failed_remove_nothing_before_a_restart) {
  files_.inject({.call = Call::kRemove, .nth = 2, .error_number = EPERM});
  const auto trimmed = trim(8);
  ASSERT_FALSE(trimmed.ok());
  EXPECT_EQ(trimmed.error().detail_number("errno", 0), EPERM);
  EXPECT_EQ(bench_.listener.failures, 0) << "the log goes on";
  ASSERT_TRUE(append_one(*log_).ok());
  log_->flush();
  EXPECT_EQ(log_->committed(), 11u);

  const uint64_t removed = files_.calls(Call::kRemove);
  const auto again = trim(9);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().detail_number("errno", 0), EPERM);
  EXPECT_EQ(files_.calls(Call::kRemove), removed);

  log_.reset();
  log_ = bench_.open_well();
  EXPECT_EQ(log_->committed(), 11u);
  EXPECT_TRUE(trim(9).ok());
}

/// A cursor that has everything ahead makes the trim open each segment before it goes.
TEST_F(SegmentTrims, end_before_a_segment_that_cannot_be_kept_open_for_its_reader) {
  const auto cursor = log_->read_from(1);
  ASSERT_TRUE(cursor.ok());
  files_.inject({.call = Call::kOpen, .error_number = EMFILE});
  const uint64_t segments = log_->stats().segment_count;
  const auto refused = trim(8);
  ASSERT_FALSE(refused.ok()) << "not even the first";
  EXPECT_EQ(refused.error().detail_number("errno", 0), EMFILE);
  EXPECT_EQ(log_->stats().segment_count, segments);
  EXPECT_EQ(log_->stats().oldest_offset, 1u);

  files_.inject({.call = Call::kOpen, .nth = 2, .error_number = EMFILE});
  const auto trimmed = trim(8);
  ASSERT_TRUE(trimmed.ok());
  EXPECT_EQ(trimmed->segments_removed, 1u);
  EXPECT_EQ(log_->stats().segment_count, segments - 1);
  files_.clear_faults();
  EXPECT_GT(trim(8)->segments_removed, 0u);

  size_t units = 0;
  while (true) {
    const auto unit = (*cursor)->next();
    ASSERT_TRUE(unit.ok()) << unit.error().to_string();
    if (!*unit) break;
    ++units;
  }
  EXPECT_EQ(units, 10u) << "and the reader has lost nothing";
}

}  // namespace
}  // namespace rstmdb::log
