// The part of the log's contract that is about reading and trimming; see log_contract.h.
#pragma once

#include "log/log_contract.h"

namespace rstmdb::log {

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
  const auto trimmed = trim(keep);
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
  EXPECT_EQ(trim(1).value().segments_removed, 0u);
  ASSERT_TRUE(trim(100).ok());
  EXPECT_EQ(trim(100).value().segments_removed, 0u);
}

TEST_P(LogContract, what_is_trimmed_is_gone_at_once) {
  fill(300, 3);
  const uint64_t bytes = log_->stats().total_bytes;
  bool told = false;
  log_->trim(301, [&told](const Result<Trimmed>& trimmed) {
    EXPECT_TRUE(trimmed.ok());
    told = true;
  });
  EXPECT_GT(log_->stats().oldest_offset, 1u);
  EXPECT_LT(log_->stats().total_bytes, bytes);
  EXPECT_FALSE(log_->read_from(1).ok());
  for (int i = 0; i < 100 && !told; ++i) harness_->settle();
  EXPECT_TRUE(told);
}

TEST_P(LogContract, sync_makes_everything_appended_durable_and_says_so) {
  fill(5, 2);
  ASSERT_TRUE(append_one(*log_).ok());
  log_->sync();
  for (int i = 0; i < 100 && listener_.durable < log_->next_offset() - 1; ++i) harness_->settle();
  EXPECT_EQ(listener_.durable, log_->next_offset() - 1);
  EXPECT_EQ(log_->durable(), log_->committed());
  const int told = listener_.times_durable;
  log_->sync();
  harness_->settle();
  EXPECT_EQ(listener_.times_durable, told) << "there was nothing to do";
}

TEST_P(LogContract, a_cursor_reads_on_over_what_is_trimmed_behind_it) {
  fill(300, 3);
  const std::vector<OwnedUnit> all = read_units(*log_).value();
  auto at_start = log_->read_from(1);
  auto midway = log_->read_from(100);
  ASSERT_TRUE(at_start.ok() && midway.ok());
  ASSERT_TRUE((*midway)->next().ok());
  ASSERT_TRUE(trim(log_->next_offset()).ok());
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

TEST_P(LogContract, a_cursor_that_waited_for_its_offset_keeps_it_over_a_trim) {
  ASSERT_TRUE(append_one(*log_).ok());
  auto cursor = log_->read_from(5);
  ASSERT_TRUE(cursor.ok());
  fill(300, 3);
  ASSERT_TRUE(trim(301).ok());
  ASSERT_GT(log_->stats().oldest_offset, 5u);
  const auto unit = (*cursor)->next();
  ASSERT_TRUE(unit.ok() && unit->has_value());
  EXPECT_LE((*unit)->first_offset, 5u);
  EXPECT_GT((*unit)->first_offset + (*unit)->record_count, 5u);
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

TEST_P(LogContract, a_look_finds_every_unit_in_any_order) {
  fill(120, 4, 300);
  const auto look = log_->look_up();
  const Offset end = log_->next_offset();
  uint64_t found = 0;
  // From both ends to the middle, so that each look goes far away from the one before.
  for (Offset near = 1, far = end - 1; near < far; ++near, --far) {
    for (const Offset offset : {near, far}) {
      const auto unit = look->unit_of(offset);
      ASSERT_TRUE(unit.ok()) << unit.error().to_string();
      EXPECT_LE(unit->first_offset, offset);
      EXPECT_GT(unit->first_offset + unit->record_count, offset);
      EXPECT_EQ(unit->bytes, unit_text(unit->first_offset, unit->record_count, 300));
      ++found;
    }
  }
  EXPECT_GE(found, 100u);
  EXPECT_GT(look->bytes_read(), 0u);
}

TEST_P(LogContract, a_look_finds_what_was_committed_after_it_began) {
  fill(3, 1);
  const auto look = log_->look_up();
  ASSERT_TRUE(look->unit_of(1).ok());
  fill(300, 3);
  const Offset last = log_->committed();
  for (const Offset offset : {last, Offset{1}, last / 2}) {
    const auto unit = look->unit_of(offset);
    ASSERT_TRUE(unit.ok()) << unit.error().to_string();
    EXPECT_LE(unit->first_offset, offset);
    EXPECT_GT(unit->first_offset + unit->record_count, offset);
  }
}

TEST_P(LogContract, a_look_says_where_the_log_begins) {
  fill(300, 3);
  const auto look = log_->look_up();
  ASSERT_TRUE(look->unit_of(1).ok());
  ASSERT_TRUE(trim(301).ok());
  const Offset oldest = log_->stats().oldest_offset;
  ASSERT_GT(oldest, 1u);
  const auto below = look->unit_of(oldest - 1);
  ASSERT_FALSE(below.ok());
  EXPECT_EQ(below.error().code(), Code::kNotFound);
  EXPECT_EQ(below.error().detail_number("oldest_offset", 0), static_cast<int64_t>(oldest));
  const auto first = look->unit_of(oldest);
  ASSERT_TRUE(first.ok()) << first.error().to_string();
  EXPECT_EQ(first->first_offset, oldest);
}

}  // namespace rstmdb::log
