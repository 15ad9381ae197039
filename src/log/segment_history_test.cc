// Random histories: a segment log that is appended to, read, trimmed, killed and closed reads at
// each moment like a log in memory that went through the same.
#include <gtest/gtest.h>

#include "io/simulated_file_system.h"
#include "log/log_test_support.h"
#include "log/memory_log.h"

namespace rstmdb::log {
namespace {

class History {
 public:
  explicit History(uint64_t seed) : chance_(seed) {
    bench_.segment_bytes = 200 + chance_.below(3000);
    if (chance_.one_in(2)) bench_.prepare = SegmentLog::Prepare::kNextSegment;
    if (chance_.one_in(2)) bench_.sync = {SyncPolicy::Kind::kEveryN, chance_.below(20)};
    log_ = bench_.open_well();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
  }

 private:
  void step() {
    switch (chance_.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        append();
        break;
      case 4:
        flush();
        break;
      case 5:
        read();
        break;
      case 6:
        trim();
        break;
      case 7:
        restart();
        break;
    }
    ASSERT_EQ(log_->next_offset(), model_.next_offset());
    ASSERT_EQ(log_->committed(), model_.committed());
    ASSERT_EQ(log_->stats().latest_offset, model_.stats().latest_offset);
  }

  void append() {
    const auto records = static_cast<uint32_t>(1 + chance_.below(5));
    const size_t size = chance_.below(chance_.one_in(20) ? 40'000 : 300);
    ASSERT_TRUE(append_one(*log_, records, size).ok());
    ASSERT_TRUE(append_one(model_, records, size).ok());
  }

  void flush() {
    log_->flush();
    while (bench_.worker.job_count() != 0) {
      bench_.worker.run_jobs();
      bench_.loop.run_posted();
    }
    model_.flush();
  }

  /// From a random offset, with a cursor of its own or with the one kept from before.
  void read() {
    const Offset from = oldest() + chance_.below(log_->next_offset() - oldest() + 3);
    const auto units = read_units(*log_, from);
    ASSERT_TRUE(units.ok()) << units.error().to_string();
    ASSERT_TRUE(*units == *read_units(model_, from));
    if (!kept_) {
      kept_ = std::move(log_->read_from(from)).value();
      kept_of_model_ = std::move(model_.read_from(from)).value();
    }
    for (uint64_t i = chance_.below(10); i != 0; --i) {
      const auto unit = kept_->next();
      ASSERT_TRUE(unit.ok()) << unit.error().to_string();
      const auto expected = kept_of_model_->next().value();
      ASSERT_EQ(unit->has_value(), expected.has_value());
      if (!expected) break;
      ASSERT_EQ((*unit)->first_offset, expected->first_offset);
      ASSERT_EQ((*unit)->bytes, expected->bytes);
    }
    if (chance_.one_in(3)) {
      kept_.reset();
      kept_of_model_.reset();
    }
  }

  /// The segment log keeps a little more than it must, so it says what the model may forget.
  void trim() {
    const Offset keep = 1 + chance_.below(log_->next_offset());
    const Offset before = oldest();
    ASSERT_TRUE(trim_now(*log_, keep, [this] {
                  bench_.worker.run_jobs();
                  bench_.loop.run_posted();
                }).ok());
    model_.trim(oldest(), [](const Result<Trimmed>& trimmed) { ASSERT_TRUE(trimmed.ok()); });
    ASSERT_LE(oldest(), std::max(keep, before));
  }

  void restart() {
    kept_.reset();
    kept_of_model_.reset();
    flush();
    if (chance_.one_in(2)) {
      ASSERT_TRUE(log_->close().ok());
    }
    log_.reset();
    files_.kill();
    log_ = bench_.open_well();
    ASSERT_NE(log_, nullptr);
  }

  Offset oldest() const { return std::max<Offset>(log_->stats().oldest_offset, 1); }

  io::SeededChance chance_;
  io::SimulatedFileSystem files_;
  LogBench bench_{files_, "/log"};
  MemoryLog model_;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<Cursor> kept_;
  std::unique_ptr<Cursor> kept_of_model_;
};

TEST(SegmentHistories, read_like_a_log_in_memory) {
  for (uint64_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History(seed).run(200);
  }
}

}  // namespace
}  // namespace rstmdb::log
