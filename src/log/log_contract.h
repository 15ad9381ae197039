// What every implementation of Log must do, as one test suite. An implementation's test program
// includes this file and instantiates LogContract with a factory for its harness.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/log_test_support.h"

namespace rstmdb::log {

/// A log under test and the world around it.
class LogHarness {
 public:
  virtual ~LogHarness() = default;
  virtual std::unique_ptr<Log> make() = 0;
  /// Lets everything that was flushed become committed.
  virtual void settle() = 0;
};

struct LogKind {
  std::string name;
  std::function<std::unique_ptr<LogHarness>()> harness;
};

class LogContract : public ::testing::TestWithParam<LogKind> {
 protected:
  void SetUp() override {
    harness_ = GetParam().harness();
    log_ = harness_->make();
    ASSERT_NE(log_, nullptr);
    log_->set_listener(listener_);
  }
  void flush() {
    log_->flush();
    harness_->settle();
  }
  /// Appends units of 1, 2, 3, 1, 2, 3 … records, flushing after every `each`.
  void fill(int units, int each, size_t size = 50) {
    for (int i = 0; i < units; ++i) {
      ASSERT_TRUE(append_one(*log_, 1 + i % 3, size).ok());
      if (i % each == each - 1) flush();
    }
    flush();
  }

  std::unique_ptr<LogHarness> harness_;
  RememberingListener listener_;
  std::unique_ptr<Log> log_;
};

TEST_P(LogContract, begins_empty) {
  EXPECT_EQ(log_->next_offset(), 1u);
  EXPECT_EQ(log_->committed(), 0u);
  EXPECT_EQ(log_->uncommitted_bytes(), 0u);
  EXPECT_EQ(log_->stats().record_count, 0u);
  EXPECT_EQ(log_->stats().oldest_offset, 0u);
  EXPECT_EQ(log_->stats().latest_offset, 0u);
  const auto units = read_units(*log_);
  ASSERT_TRUE(units.ok());
  EXPECT_TRUE(units->empty());
}

TEST_P(LogContract, offsets_are_dense_and_each_record_takes_one) {
  ASSERT_TRUE(append_one(*log_, 3).ok());
  EXPECT_EQ(log_->next_offset(), 4u);
  ASSERT_TRUE(append_one(*log_, 1).ok());
  EXPECT_EQ(log_->next_offset(), 5u);
  EXPECT_EQ(log_->stats().latest_offset, 4u);
}

TEST_P(LogContract, an_append_tells_nobody_and_is_not_read_before_its_commit) {
  auto cursor = log_->read_from(1);
  ASSERT_TRUE(cursor.ok());
  ASSERT_TRUE(append_one(*log_).ok());
  harness_->settle();
  EXPECT_EQ(listener_.commits, 0);
  EXPECT_EQ(log_->committed(), 0u);
  EXPECT_GT(log_->uncommitted_bytes(), 0u);
  EXPECT_FALSE((*cursor)->next().value().has_value());
  flush();
  EXPECT_EQ(listener_.committed, 1u);
  EXPECT_EQ(log_->committed(), 1u);
  EXPECT_EQ(log_->uncommitted_bytes(), 0u);
  EXPECT_TRUE((*cursor)->next().value().has_value());
  EXPECT_FALSE((*cursor)->next().value().has_value());
}

TEST_P(LogContract, a_flush_with_nothing_to_do_does_nothing) {
  flush();
  EXPECT_EQ(listener_.commits, 0);
  fill(1, 1);
  EXPECT_EQ(listener_.commits, 1);
  flush();
  EXPECT_EQ(listener_.commits, 1);
}

TEST_P(LogContract, units_come_back_whole_and_in_order) {
  fill(200, 7);
  const auto units = read_units(*log_);
  ASSERT_TRUE(units.ok()) << units.error().to_string();
  ASSERT_EQ(units->size(), 200u);
  Offset next = 1;
  for (size_t i = 0; i < units->size(); ++i) {
    const OwnedUnit& unit = (*units)[i];
    EXPECT_EQ(unit.first_offset, next);
    EXPECT_EQ(unit.record_count, 1 + i % 3);
    EXPECT_EQ(unit.bytes, unit_text(next, unit.record_count, 50));
    next += unit.record_count;
  }
  EXPECT_EQ(next, log_->next_offset());
}

TEST_P(LogContract, a_cursor_begins_at_the_unit_that_holds_the_offset) {
  fill(60, 4);
  const std::vector<OwnedUnit> all = read_units(*log_).value();
  for (Offset offset = 1; offset < log_->next_offset(); ++offset) {
    const auto cursor = log_->read_from(offset);
    ASSERT_TRUE(cursor.ok());
    const auto unit = (*cursor)->next();
    ASSERT_TRUE(unit.ok() && unit->has_value()) << offset;
    EXPECT_LE((*unit)->first_offset, offset);
    EXPECT_GT((*unit)->first_offset + (*unit)->record_count, offset);
    EXPECT_EQ((*unit)->bytes, unit_text((*unit)->first_offset, (*unit)->record_count, 50));
  }
}

TEST_P(LogContract, a_cursor_ahead_of_the_end_waits_for_its_offset) {
  auto near = log_->read_from(1);
  auto far = log_->read_from(95);
  ASSERT_TRUE(near.ok() && far.ok());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(append_one(*log_, 2, 70).ok());
    flush();
    const auto unit = (*near)->next();
    ASSERT_TRUE(unit.ok() && unit->has_value());
    EXPECT_EQ((*unit)->first_offset, static_cast<Offset>(2 * i + 1));
    if (log_->committed() < 95) {
      EXPECT_FALSE((*far)->next().value().has_value());
    }
  }
  const auto unit = (*far)->next();
  ASSERT_TRUE(unit.ok() && unit->has_value());
  EXPECT_EQ((*unit)->first_offset, 95u);
}

TEST_P(LogContract, large_and_empty_units_come_back) {
  for (const size_t size : {size_t{3'000'000}, size_t{0}, size_t{256 * 1024}, size_t{1}}) {
    const std::string bytes(size, 'x');
    ASSERT_TRUE(
        log_->append({.first_offset = log_->next_offset(), .record_count = 1, .bytes = bytes})
            .ok());
  }
  flush();
  const auto units = read_units(*log_);
  ASSERT_TRUE(units.ok()) << units.error().to_string();
  ASSERT_EQ(units->size(), 4u);
  EXPECT_TRUE((*units)[0].bytes == std::string(3'000'000, 'x'));
  EXPECT_EQ((*units)[1].bytes, "");
  EXPECT_EQ((*units)[3].bytes, "x");
}

TEST_P(LogContract, trimming_keeps_what_it_was_told_to_keep) {
  fill(300, 3);
  const Offset keep = 301;
  const auto trimmed = log_->trim(keep);
  ASSERT_TRUE(trimmed.ok()) << trimmed.error().to_string();
  EXPECT_GT(trimmed->segments_removed, 0u);
  EXPECT_GT(trimmed->bytes_reclaimed, 0u);
  const Stats stats = log_->stats();
  EXPECT_GT(stats.oldest_offset, 1u);
  EXPECT_LE(stats.oldest_offset, keep);
  EXPECT_EQ(stats.record_count, stats.latest_offset - stats.oldest_offset + 1);
  const auto below = log_->read_from(stats.oldest_offset - 1);
  ASSERT_FALSE(below.ok());
  EXPECT_EQ(below.error().code(), Code::kNotFound);
  EXPECT_EQ(below.error().detail_number("oldest_offset", 0),
            static_cast<int64_t>(stats.oldest_offset));
  const auto units = read_units(*log_, stats.oldest_offset);
  ASSERT_TRUE(units.ok());
  ASSERT_FALSE(units->empty());
  EXPECT_EQ(units->front().first_offset, stats.oldest_offset);
  EXPECT_EQ(units->back().first_offset + units->back().record_count, log_->next_offset());
}

TEST_P(LogContract, trimming_twice_or_from_the_start_removes_nothing_more) {
  fill(100, 3);
  EXPECT_EQ(log_->trim(1).value().segments_removed, 0u);
  ASSERT_TRUE(log_->trim(100).ok());
  EXPECT_EQ(log_->trim(100).value().segments_removed, 0u);
}

TEST_P(LogContract, a_cursor_reads_on_over_what_is_trimmed_behind_it) {
  fill(300, 3);
  const std::vector<OwnedUnit> all = read_units(*log_).value();
  auto at_start = log_->read_from(1);
  auto midway = log_->read_from(100);
  ASSERT_TRUE(at_start.ok() && midway.ok());
  ASSERT_TRUE((*midway)->next().ok());
  ASSERT_TRUE(log_->trim(log_->next_offset()).ok());
  fill(3, 1);
  for (const OwnedUnit& expected : all) {
    const auto unit = (*at_start)->next();
    ASSERT_TRUE(unit.ok()) << unit.error().to_string();
    ASSERT_TRUE(unit->has_value());
    EXPECT_EQ((*unit)->first_offset, expected.first_offset);
    EXPECT_EQ((*unit)->bytes, expected.bytes);
  }
  EXPECT_TRUE((*at_start)->next().value().has_value());
  EXPECT_TRUE((*midway)->next().value().has_value());
}

TEST_P(LogContract, a_cursor_may_outlive_its_log) {
  fill(50, 3);
  auto cursor = log_->read_from(1);
  ASSERT_TRUE(cursor.ok());
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  int count = 0;
  while (true) {
    const auto unit = (*cursor)->next();
    ASSERT_TRUE(unit.ok()) << unit.error().to_string();
    if (!unit->has_value()) break;
    ++count;
  }
  EXPECT_EQ(count, 50);
}

TEST_P(LogContract, more_than_the_bound_is_refused_and_taken_later) {
  constexpr size_t kSize = 9 * 1024 * 1024;
  const std::string bytes(kSize, 'y');
  Offset taken = 0;
  Result<void> result;
  while (result.ok() && taken < 100) {
    result = log_->append({.first_offset = taken + 1, .record_count = 1, .bytes = bytes});
    if (result.ok()) ++taken;
  }
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::kRateLimited);
  EXPECT_EQ(taken, limits::kUncommittedBytesMax / kSize);
  EXPECT_EQ(log_->next_offset(), taken + 1);
  flush();
  EXPECT_EQ(listener_.committed, taken);
  EXPECT_TRUE(log_->append({.first_offset = taken + 1, .record_count = 1, .bytes = bytes}).ok());
}

TEST_P(LogContract, the_largest_unit_is_taken_and_one_byte_more_is_not) {
  std::string bytes(limits::kLogUnitBytesMax + 1, 'z');
  const auto refused = log_->append({.first_offset = 1, .record_count = 1, .bytes = bytes});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kBadRequest);
  EXPECT_EQ(log_->next_offset(), 1u);
  bytes.pop_back();
  ASSERT_TRUE(log_->append({.first_offset = 1, .record_count = 1, .bytes = bytes}).ok());
  flush();
  const auto cursor = log_->read_from(1);
  const auto unit = (*cursor)->next();
  ASSERT_TRUE(unit.ok() && unit->has_value());
  EXPECT_TRUE((*unit)->bytes == bytes);
}

TEST_P(LogContract, closing_commits_everything) {
  ASSERT_TRUE(append_one(*log_, 5).ok());
  ASSERT_TRUE(log_->close().ok());
  EXPECT_EQ(listener_.committed, 5u);
}

/// Appends and flushes from inside on_committed, as a loop with its queue full would.
class EagerListener final : public Listener {
 public:
  EagerListener(Log& log, Offset until) : log_(log), until_(until) {}
  void on_committed(Offset offset) override {
    EXPECT_FALSE(inside_) << "calls do not nest";
    inside_ = true;
    last = offset;
    if (log_.next_offset() <= until_) {
      EXPECT_TRUE(append_one(log_).ok());
      log_.flush();
    }
    inside_ = false;
  }
  void on_failed(const Error& error) override { ADD_FAILURE() << error.to_string(); }
  void on_fenced() override {}
  Offset last = 0;

 private:
  Log& log_;
  Offset until_;
  bool inside_ = false;
};

TEST_P(LogContract, a_listener_may_append_and_flush) {
  EagerListener eager(*log_, 50);
  log_->set_listener(eager);
  ASSERT_TRUE(append_one(*log_).ok());
  for (int i = 0; i < 50; ++i) flush();
  EXPECT_EQ(eager.last, 50u);
}

}  // namespace rstmdb::log
