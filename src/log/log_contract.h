// What every implementation of Log must do, as one test suite. An implementation's test program
// includes this file and log_contract_reading.h, and instantiates LogContract with a factory for
// its harness.
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
  Result<Trimmed> trim(Offset keep_from) {
    return trim_now(*log_, keep_from, [this] { harness_->settle(); });
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
