// What a start folds is what was written, wherever the log is read; and what cannot be read is
// named, wherever it stands.
#include "node/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/history_test_support.h"
#include "io/clock.h"
#include "log/memory_log.h"
#include "node/record_batches.h"

namespace rstmdb::node {
namespace {

class Replay : public ::testing::TestWithParam<io::Ahead> {
 protected:
  struct Outcome {
    Result<void> result;
    uint64_t offset = 0;
    Hash128 hash;
    uint64_t chain = 0;
    ReplayProgress progress;
  };
  /// Folds a log of these units from its beginning.
  Outcome replay_of(const std::vector<std::string>& units) {
    log::MemoryLog log;
    for (const std::string& unit : units) append(log, unit);
    log.flush();
    engine::State state({.hash_seed = 4});
    engine::ChainHash chain;
    Outcome outcome;
    outcome.result =
        replay(log, state, chain,
               {.clock = io::system_clock(),
                .ahead = GetParam(),
                .progress = [&outcome](const ReplayProgress& now) { outcome.progress = now; }});
    outcome.offset = state.last_offset();
    outcome.hash = state.hash();
    outcome.chain = chain.value;
    return outcome;
  }
  static uint32_t records_of(const std::string& unit) {
    engine::ChainHash chain;
    engine::RecordReader reader(unit, chain);
    reader.adopt_chain();
    uint32_t count = 0;
    while (!reader.at_end() && reader.next().ok()) ++count;
    return std::max(count, 1u);
  }
  static void append(log::MemoryLog& log, const std::string& unit) {
    ASSERT_TRUE(log.append({log.next_offset(), records_of(unit), unit}).ok());
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Replay, ::testing::Values(io::Ahead::kInline, io::Ahead::kThread),
                         [](const auto& how) {
                           return how.param == io::Ahead::kInline ? "inline" : "thread";
                         });

TEST_P(Replay, EndsInTheStateThatWasLive) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    engine::RandomHistory history(seed);
    history.command_count = 200;
    history.run();
    const Outcome outcome = replay_of(history.units());
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().to_string();
    ASSERT_EQ(outcome.hash, history.state().hash());
    ASSERT_EQ(outcome.chain, history.chain().value);
    ASSERT_EQ(outcome.progress.records_done, history.records());
    ASSERT_EQ(outcome.progress.records_total, history.records());
    uint64_t bytes = 0;
    for (const std::string& unit : history.units()) bytes += unit.size();
    ASSERT_EQ(outcome.progress.bytes_done, bytes);
  }
}

/// A machine, and instances with contexts of about these sizes, as units.
std::vector<std::string> units_with_contexts(const std::vector<size_t>& sizes) {
  std::vector<std::string> units;
  engine::ChainHash chain;
  engine::Record record;
  record.kind = engine::RecordKind::kPutMachine;
  record.offset = 1;
  record.machine = "m";
  record.version = 1;
  record.context = R"({"initial":"a","states":["a"],"transitions":[]})";
  append_record(units.emplace_back(), record, chain);
  for (const size_t size : sizes) {
    const std::string id = "i" + std::to_string(units.size());
    const std::string context = R"({"x":")" + std::string(size, 'x') + R"("})";
    record = {};
    record.kind = engine::RecordKind::kCreateInstance;
    record.offset = units.size() + 1;
    record.machine = "m";
    record.version = 1;
    record.instance_id = id;
    record.to_state = "a";
    record.context = context;
    append_record(units.emplace_back(), record, chain);
  }
  return units;
}

// Around the size of a batch, and far above it.
TEST_P(Replay, UnitsOfEverySizeArriveWhole) {
  std::vector<size_t> sizes;
  for (const size_t size : {1u, 65'000u, 130'000u, 131'072u, 131'500u, 900'000u, 10u})
    for (int i = 0; i < 5; ++i) sizes.push_back(size + static_cast<size_t>(i));
  const Outcome outcome = replay_of(units_with_contexts(sizes));
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().to_string();
  EXPECT_EQ(outcome.offset, sizes.size() + 1);
}

TEST_P(Replay, ADamagedRecordIsNamedAndNothingBehindItIsFolded) {
  for (const uint64_t bad : {1u, 2u, 300u, 3'000u}) {
    std::vector<std::string> units = units_with_contexts(std::vector<size_t>(3'000, 100));
    units[bad - 1].back() ^= 1;
    const Outcome outcome = replay_of(units);
    ASSERT_FALSE(outcome.result.ok());
    EXPECT_EQ(outcome.result.error().code(), Code::kInternalError);
    EXPECT_EQ(outcome.result.error().detail("code"), "RECORD_DAMAGED");
    EXPECT_EQ(outcome.result.error().detail_number("offset", 0), static_cast<int64_t>(bad));
    EXPECT_EQ(outcome.offset, bad - 1);
  }
}

TEST_P(Replay, ARecordInAnothersPlaceIsNamed) {
  std::vector<std::string> units(1);
  engine::ChainHash chain;
  engine::Record record;
  record.kind = engine::RecordKind::kFlushAll;
  record.offset = 7;
  append_record(units.front(), record, chain);
  const Outcome outcome = replay_of(units);
  ASSERT_FALSE(outcome.result.ok());
  EXPECT_EQ(outcome.result.error().detail_number("offset", 0), 7);
  EXPECT_EQ(outcome.result.error().detail_number("expected", 0), 1);
}

/// The log's checksums hold, and its headers lie: nothing may be missing unsaid, least of all at
/// the end, where no record behind it would show the gap.
TEST_P(Replay, AUnitWithAnotherNumberOfRecordsThanItSaysIsNamed) {
  const auto units = units_with_contexts({1, 1});
  const auto refused = [&](const std::string& last, uint32_t says) {
    log::MemoryLog log;
    append(log, units[0]);
    EXPECT_TRUE(log.append({.first_offset = 2, .record_count = says, .bytes = last}).ok());
    log.flush();
    engine::State state({.hash_seed = 4});
    engine::ChainHash chain;
    const auto outcome =
        replay(log, state, chain, {.clock = io::system_clock(), .ahead = GetParam()});
    if (outcome.ok()) return int64_t{0};
    EXPECT_EQ(outcome.error().code(), Code::kInternalError);
    EXPECT_EQ(outcome.error().detail("code"), "RECORD_DAMAGED");
    return outcome.error().detail_number("offset", 0);
  };
  EXPECT_EQ(refused(units[1], 1), 0);
  EXPECT_EQ(refused(units[1], 2), 2) << "one less";
  EXPECT_EQ(refused(units[1] + units[2], 2), 0);
  EXPECT_EQ(refused(units[1] + units[2], 1), 2) << "one more";
  EXPECT_EQ(refused("", 1), 2) << "none at all";
  EXPECT_EQ(replay_of({""}).result.error().detail_number("offset", 0), 1);
}

TEST_P(Replay, WhatHasBeenTrimmedIsMissed) {
  log::MemoryLog log;
  for (const std::string& unit : units_with_contexts({1, 1, 1})) append(log, unit);
  log.flush();
  log.trim(3, [](const Result<log::Trimmed>& outcome) { EXPECT_TRUE(outcome.ok()); });
  engine::State state({.hash_seed = 4});
  engine::ChainHash chain;
  const auto outcome =
      replay(log, state, chain, {.clock = io::system_clock(), .ahead = GetParam()});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), Code::kNotFound);
  EXPECT_EQ(outcome.error().detail_number("oldest_offset", 0), 3);
  EXPECT_EQ(state.last_offset(), 0u);
}

/// 600 ms go by between any two looks.
class HurryingClock final : public io::Clock {
 public:
  int64_t wall_ms() override { return now_ns_ / 1'000'000; }
  int64_t steady_ns() override { return now_ns_ += 600'000'000; }

 private:
  int64_t now_ns_ = 0;
};

TEST_P(Replay, TellsHowFarItIsOnceASecondAndAtTheEnd) {
  log::MemoryLog log;
  const auto units = units_with_contexts(std::vector<size_t>(10, 120'000));  // a batch of each
  for (const std::string& unit : units) append(log, unit);
  log.flush();
  HurryingClock clock;
  std::vector<ReplayProgress> told;
  engine::State state({.hash_seed = 4});
  engine::ChainHash chain;
  ASSERT_TRUE(replay(log, state, chain,
                     {.clock = clock,
                      .ahead = GetParam(),
                      .progress = [&told](const ReplayProgress& now) { told.push_back(now); }})
                  .ok());
  ASSERT_GE(told.size(), 4u);
  EXPECT_LE(told.size(), units.size() / 2 + 2);
  for (size_t i = 1; i < told.size(); ++i) {
    EXPECT_GE(told[i].records_done, told[i - 1].records_done);
    EXPECT_GE(told[i].elapsed_ms, told[i - 1].elapsed_ms + 600);
  }
  EXPECT_EQ(told.back().records_done, units.size());
}

/// Gives some units, and then an error for good.
class FailingCursor final : public log::Cursor {
 public:
  FailingCursor(std::vector<std::string> units, size_t good)
      : units_(std::move(units)), good_(good) {}
  Result<std::optional<log::Unit>> next() override {
    if (given_ == good_) return Error(Code::kWalIoError, "the disk");
    const std::string& unit = units_[given_++];
    return std::optional(log::Unit{given_, 1, unit});
  }

 private:
  const std::vector<std::string> units_;
  const size_t good_;
  size_t given_ = 0;
};

TEST(RecordBatches, GiveWhatStandsBeforeAnErrorAndNothingBehindIt) {
  const auto units = units_with_contexts(std::vector<size_t>(5, 60'000));
  for (size_t good = 0; good <= units.size(); ++good) {
    RecordBatches batches(std::make_unique<FailingCursor>(units, good), 1, {});
    RecordBatch batch;
    size_t records = 0;
    while (batches.fill(batch)) {
      records += batch.records().size();
      if (batch.error()) break;
    }
    EXPECT_EQ(records, good);
    ASSERT_TRUE(batch.error().has_value());
    EXPECT_EQ(batch.error()->code(), Code::kWalIoError);
    EXPECT_FALSE(batches.fill(batch));
    EXPECT_FALSE(batch.error().has_value());
    EXPECT_TRUE(batch.records().empty());
  }
}

}  // namespace
}  // namespace rstmdb::node
