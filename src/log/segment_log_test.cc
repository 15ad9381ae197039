// The segment log by itself: what the contract suite does not ask of every log.
#include "log/segment_log.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <random>

#include "io/simulated_file_system.h"
#include "log/log_test_support.h"
#include "log/segment_preparation.h"
#include "log/segment_writer.h"

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
  EXPECT_EQ(after.group_records.count(), 1u);
  EXPECT_EQ(after.group_records.sum(), 1000);
  EXPECT_EQ(bench_.listener.commits, 1);
  EXPECT_EQ(bench_.listener.committed, 1000u);
}

TEST_F(SegmentLogTest, a_look_finds_units_in_groups_of_any_size) {
  bench_.segment_bytes = 2 << 20;
  bench_.sync.kind = SyncPolicy::Kind::kNever;
  auto log = bench_.open_well();
  std::mt19937_64 random(1);
  while (log->next_offset() < 30'000) {
    const uint64_t units = 1 + random() % (random() % 4 == 0 ? 2'500 : 20);
    for (uint64_t i = 0; i < units; ++i) {
      const auto records = static_cast<uint32_t>(1 + random() % 3);
      ASSERT_TRUE(append_one(*log, records, random() % 600).ok());
    }
    log->flush();
  }
  ASSERT_GT(log->stats().segment_count, 1u);
  std::unique_ptr<Lookup> look;
  for (int i = 0; i < 20'000; ++i) {
    if (i % 50 == 0) look = log->look_up();
    const Offset offset = 1 + random() % log->committed();
    const auto unit = look->unit_of(offset);
    ASSERT_TRUE(unit.ok()) << offset << ": " << unit.error().to_string();
    ASSERT_LE(unit->first_offset, offset);
    ASSERT_GT(unit->first_offset + unit->record_count, offset);
    const std::string text = unit_text(unit->first_offset, unit->record_count);
    ASSERT_TRUE(unit->bytes.starts_with(text)) << offset;
  }
}

TEST_F(SegmentLogTest, its_files_are_private_and_links_are_refused) {
  namespace fs = std::filesystem;
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  ASSERT_TRUE(log->close().ok());
  log.reset();
  EXPECT_EQ(fs::status(bench_.folder).permissions(), fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(bench_.folder))
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << entry.path();
  const fs::path segment = fs::path(bench_.folder) / segment_name(1);
  fs::rename(segment, temporary_.path() + "/elsewhere");
  fs::create_symlink(temporary_.path() + "/elsewhere", segment);
  const auto opened = bench_.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().detail_number("errno", 0), ELOOP);
  EXPECT_EQ(opened.error().detail("path"), segment.string());
}

class SimulatedLogTest : public ::testing::Test {
 protected:
  using Call = io::SimulatedFileSystem::Call;

  void flush_and_work(Log& log) {
    log.flush();
    while (bench_.worker.job_count() != 0) {
      bench_.worker.run_jobs();
      bench_.loop.run_posted();
    }
  }

  io::SimulatedFileSystem files_;
  LogBench bench_{files_, "/data/log"};
};

TEST_F(SimulatedLogTest, a_busy_log_goes_on_in_zeroed_segments) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 10'000'000;
  const std::string draft = "/data/log/" + std::string(kPreparedSegmentName);
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log, 1, 500'000).ok());
  flush_and_work(*log);
  EXPECT_FALSE(files_.exists(draft).value()) << "not for an idle log";
  ASSERT_TRUE(append_one(*log, 1, 600'000).ok());
  flush_and_work(*log);
  EXPECT_EQ(files_.content(draft).size(), SegmentPreparation::kStepBytes)
      << "no faster than the log grows";
  int taken = 0;
  for (; taken < 100 && files_.content(draft).size() < 10'000'000u; ++taken) {
    ASSERT_TRUE(append_one(*log, 1, 100'000).ok());
    flush_and_work(*log);
  }
  EXPECT_GE(taken, 39) << "two and a half zeros for a byte";
  EXPECT_LE(taken, 41);
  const std::string second = "/data/log/" + segment_name(log->next_offset());
  const uint64_t written = log->stats().bytes_written;
  ASSERT_TRUE(append_one(*log, 1, 3'000'000).ok());
  flush_and_work(*log);
  EXPECT_EQ((log->stats().bytes_written - written) % 4096, 0u)
      << "header and group, up to the end of the page: what is behind it need not be read";
  EXPECT_FALSE(files_.exists(draft).value()) << "taken at once, and half is not full yet";
  EXPECT_EQ(files_.content(second).size(), 10'000'000u) << "written into the zeros";
  ASSERT_TRUE(append_one(*log, 1, 3'000'000).ok());
  flush_and_work(*log);
  EXPECT_TRUE(files_.exists(draft).value()) << "the one after it";
  EXPECT_EQ(log->stats().segment_count, 2u);
  log.reset();
  files_.kill();
  log = bench_.open_well();
  EXPECT_EQ(bench_.recovery.torn_bytes, 0u) << "a zero tail is no torn tail";
  EXPECT_FALSE(files_.exists(draft).value());
  EXPECT_EQ(read_units(*log)->size(), 4u + static_cast<size_t>(taken));
  ASSERT_TRUE(log->close().ok());
  EXPECT_LT(files_.content(second).size(), 6'100'000u);
}

TEST_F(SimulatedLogTest, who_writes_little_soon_has_a_zeroed_segment_too) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 10'000'000;
  const std::string draft = "/data/log/" + std::string(kPreparedSegmentName);
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log, 1, 1'100'000).ok());
  flush_and_work(*log);
  int taken = 0;
  for (; taken < 1'000 && log->stats().segment_count == 1; ++taken) {
    bench_.clock.now_ns += 1'000'000;
    ASSERT_TRUE(append_one(*log, 1, 200).ok());
    flush_and_work(*log);
  }
  constexpr int kSteps = 10'000'000 / SegmentPreparation::kStepBytes;
  EXPECT_GE(taken, 2 * kSteps) << "a step in two milliseconds";
  EXPECT_LE(taken, 2 * kSteps + 4);
  // In zeros now: the half of it is far, so nothing more is prepared.
  for (int i = 0; i < 100; ++i) {
    bench_.clock.now_ns += 1'000'000;
    ASSERT_TRUE(append_one(*log, 1, 200).ok());
    flush_and_work(*log);
  }
  EXPECT_FALSE(files_.exists(draft).value());
}

TEST_F(SimulatedLogTest, the_end_of_a_preparation_may_come_after_the_log_has_gone) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 5'000;
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log, 1, 3'000).ok());
  log->flush();
  bench_.worker.run_jobs();  // ready; that it has ended is still to be told
  ASSERT_TRUE(append_one(*log, 1, 3'000).ok());
  log->flush();  // takes it
  EXPECT_EQ(log->stats().segment_count, 2u);
  log.reset();
  bench_.loop.run_posted();
}

TEST_F(SimulatedLogTest, an_idle_log_writes_no_zeros) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 10'000'000;
  const std::string draft = "/data/log/" + std::string(kPreparedSegmentName);
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log, 1, 1'100'000).ok());
  flush_and_work(*log);
  const size_t begun = files_.content(draft).size();
  for (int second = 0; second < 100; ++second) {
    bench_.clock.now_ns += 1'000'000'000;
    log->check_folder();
    flush_and_work(*log);
  }
  EXPECT_EQ(files_.content(draft).size(), begun);
}

TEST_F(SimulatedLogTest, a_preparation_that_fails_stops_nothing) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 5'000;
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log, 1, 3'000).ok());
  log->flush();
  files_.inject({.call = Call::kWrite, .error_number = ENOSPC});
  bench_.worker.run_jobs();
  bench_.loop.run_posted();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(append_one(*log, 1, 3'000).ok());
    flush_and_work(*log);
  }
  EXPECT_EQ(bench_.listener.failures, 0);
  EXPECT_EQ(log->committed(), 21u);
}

TEST_F(SimulatedLogTest, a_group_waits_from_its_oldest_append_to_its_commit) {
  files_.before_each_call([&](Call call, const std::string&) {
    if (call == Call::kSync) bench_.clock.now_ns += 3'000'000;
  });
  auto log = bench_.open_well();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(append_one(*log).ok());
    bench_.clock.now_ns += 5'000'000;
  }
  EXPECT_EQ(log->stats().flush_ns.count(), 0u);
  flush_and_work(*log);
  EXPECT_EQ(log->stats().flush_ns.count(), 1u);
  EXPECT_EQ(log->stats().flush_ns.sum(), 3'000'000);
  EXPECT_EQ(log->stats().commit_wait_ns.count(), 1u);
  EXPECT_EQ(log->stats().commit_wait_ns.sum(), 18'000'000);
  ASSERT_TRUE(append_one(*log).ok());
  flush_and_work(*log);
  EXPECT_EQ(log->stats().commit_wait_ns.sum(), 21'000'000) << "the second group waited for itself";
  EXPECT_EQ(log->stats().group_records.count(), 2u);
}

TEST_F(SimulatedLogTest, a_preparation_leaves_the_reserve_free) {
  bench_.prepare = SegmentLog::Prepare::kNextSegment;
  bench_.segment_bytes = 10'000'000;
  bench_.reserve_bytes = 1'000'000;
  const std::string draft = "/data/log/" + std::string(kPreparedSegmentName);
  for (const uint64_t missing : {1, 0}) {
    auto log = bench_.open_well();
    ASSERT_TRUE(append_one(*log, 1, 6'000'000).ok());
    log->flush();
    files_.set_free_bytes(11'000'000 - missing);
    bench_.worker.run_jobs();
    bench_.loop.run_posted();
    EXPECT_EQ(files_.exists(draft).value(), missing == 0);
    files_.set_free_bytes(missing == 0 ? 999'999 : 1'000'000'000);
    log->check_folder();  // as once a second, also when nothing is written
    flush_and_work(*log);
    EXPECT_FALSE(files_.exists(draft).value()) << "given back when others have filled the disk";
    EXPECT_EQ(bench_.listener.failures, 0);
    log.reset();
    files_.kill();
  }
}

TEST_F(SimulatedLogTest, slow_flushes_go_to_the_worker_and_appends_gather_meanwhile) {
  int64_t sync_ns = 0;
  files_.before_each_call([&](Call call, const std::string&) {
    if (call == Call::kSync) bench_.clock.now_ns += sync_ns;
  });
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  EXPECT_EQ(bench_.worker.job_count(), 0u) << "a quick disk is flushed inline";
  EXPECT_EQ(log->committed(), 1u);
  sync_ns = 2'000'000'000;
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  EXPECT_EQ(bench_.worker.job_count(), 1u);
  EXPECT_EQ(log->committed(), 2u);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(append_one(*log).ok());
    log->flush();
  }
  EXPECT_EQ(bench_.worker.job_count(), 1u) << "one flush at a time";
  const uint64_t writes = log->stats().writes;
  bench_.worker.run_jobs();
  bench_.loop.run_posted();
  EXPECT_EQ(log->committed(), 3u);
  EXPECT_EQ(bench_.worker.job_count(), 1u) << "all that gathered goes at once";
  bench_.worker.run_jobs();
  bench_.loop.run_posted();
  EXPECT_EQ(log->committed(), 103u);
  EXPECT_EQ(log->stats().writes - writes, 2u);
  // A disk that gets quick again is flushed inline again.
  sync_ns = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(append_one(*log).ok());
    flush_and_work(*log);
  }
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  EXPECT_EQ(bench_.worker.job_count(), 0u);
  files_.before_each_call({});
}

TEST_F(SimulatedLogTest, closing_and_dropping_do_not_wait_for_the_worker) {
  files_.before_each_call([&](Call call, const std::string&) {
    if (call == Call::kSync) bench_.clock.now_ns += 30'000'000;
  });
  for (const bool close : {true, false}) {
    auto log = bench_.open_well();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(append_one(*log).ok());
      log->flush();
    }
    EXPECT_EQ(bench_.worker.job_count(), 1u);
    if (close) {
      EXPECT_TRUE(log->close().ok());
      EXPECT_EQ(bench_.listener.committed, 3u);
    }
    log.reset();
    bench_.worker.run_jobs();  // finds its job done and its log gone
    bench_.loop.run_posted();
  }
  files_.before_each_call({});
  EXPECT_GE(bench_.open_well()->committed(), 4u);
}

TEST_F(SimulatedLogTest, a_failure_on_the_worker_is_told_once_on_the_loop) {
  files_.before_each_call([&](Call call, const std::string&) {
    if (call == Call::kSync) bench_.clock.now_ns += 30'000'000;
  });
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  files_.inject({.call = Call::kSync, .error_number = EIO});
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  bench_.worker.run_jobs();
  EXPECT_EQ(bench_.listener.failures, 0);
  bench_.loop.run_posted();
  EXPECT_EQ(bench_.listener.failures, 1);
  EXPECT_EQ(log->committed(), 1u);
  files_.before_each_call({});
}

TEST_F(SimulatedLogTest, each_open_leaves_a_mark_but_no_record) {
  for (int i = 0; i < 5; ++i) {
    auto log = bench_.open_well();
    EXPECT_EQ(log->next_offset(), 1u);
    ASSERT_TRUE(log->close().ok());
  }
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  log->flush();
  EXPECT_EQ(read_units(*log)->size(), 1u);
}

TEST_F(SimulatedLogTest, offsets_end_before_a_start_would_not_take_them) {
  ASSERT_TRUE(files_.make_folder("/data/log").ok());
  ASSERT_TRUE(
      SegmentWriter::create(files_, "/data/log", 20'000, DatabaseId(), limits::kOffsetMax - 2)
          .ok());
  auto log = bench_.open_well();
  ASSERT_TRUE(append_one(*log).ok());
  const auto refused = append_one(*log, 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kRateLimited);
  EXPECT_EQ(log->next_offset(), limits::kOffsetMax - 1);
  ASSERT_TRUE(append_one(*log).ok());
  EXPECT_FALSE(append_one(*log).ok());
  log->flush();
  ASSERT_TRUE(log->close().ok());
  EXPECT_EQ(bench_.open_well()->committed(), limits::kOffsetMax - 1);
}

TEST_F(SimulatedLogTest, recovery_tells_its_progress) {
  bench_.segment_bytes = 300;
  auto log = bench_.open_well();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(append_one(*log, 2, 100).ok());
    log->flush();
  }
  ASSERT_TRUE(log->close().ok());
  log.reset();
  std::vector<RecoveryProgress> seen;
  bench_.progress = [&](const RecoveryProgress& progress) { seen.push_back(progress); };
  log = bench_.open_well();
  ASSERT_EQ(seen.size(), bench_.recovery.segments);
  EXPECT_EQ(seen.back().segments_done, seen.back().segments_total);
  EXPECT_EQ(seen.back().latest_offset, 20u);
  EXPECT_LT(seen.front().bytes_done, seen.back().bytes_done);
}

// ---- a folder or file that another process takes away

class TakenAwayTest : public SegmentLogTest {
 protected:
  void SetUp() override {
    log_ = bench_.open_well();
    ASSERT_TRUE(write());
  }
  /// Whether a write is committed; otherwise the log has stopped and has said so once.
  bool write() {
    const Offset before = log_->committed();
    if (!append_one(*log_).ok()) return false;
    log_->flush();
    if (log_->committed() > before) return true;
    EXPECT_EQ(bench_.listener.failures, 1);
    EXPECT_FALSE(append_one(*log_).ok());
    return false;
  }
  std::filesystem::path folder() const { return bench_.folder; }
  std::filesystem::path segment() const { return folder() / segment_name(1); }

  std::unique_ptr<SegmentLog> log_;
};

TEST_F(TakenAwayTest, nothing_is_committed_into_a_removed_folder) {
  std::filesystem::remove_all(folder());
  EXPECT_FALSE(write());
  EXPECT_NE(bench_.listener.failure.find("code=FILE_GONE"), std::string::npos)
      << bench_.listener.failure;
}

TEST_F(TakenAwayTest, nothing_is_committed_into_a_folder_that_was_moved_or_replaced) {
  const std::filesystem::path aside = temporary_.path() + "/aside";
  std::filesystem::rename(folder(), aside);
  std::filesystem::copy(aside, folder());
  EXPECT_FALSE(write());
}

TEST_F(TakenAwayTest, nothing_is_committed_into_a_file_that_was_moved_or_replaced) {
  std::filesystem::copy(segment(), folder() / "copy");
  std::filesystem::rename(folder() / "copy", segment());
  EXPECT_FALSE(write());
}

TEST_F(TakenAwayTest, a_log_is_not_closed_well_into_a_folder_that_is_gone) {
  std::filesystem::remove_all(folder());
  EXPECT_FALSE(log_->close().ok());
}

TEST_F(TakenAwayTest, without_a_sync_neither) {
  bench_.sync = {.kind = SyncPolicy::Kind::kNever};
  ASSERT_TRUE(log_->close().ok());
  log_ = bench_.open_well();
  ASSERT_TRUE(write());
  std::filesystem::remove_all(folder());
  EXPECT_FALSE(write());
}

TEST_F(TakenAwayTest, an_idle_log_stops_when_its_folder_is_gone) {
  log_->check_folder();
  EXPECT_EQ(bench_.listener.failures, 0);
  std::filesystem::rename(folder(), temporary_.path() + "/aside");
  log_->check_folder();
  log_->check_folder();
  EXPECT_EQ(bench_.listener.failures, 1);
  std::filesystem::rename(temporary_.path() + "/aside", folder());
  EXPECT_FALSE(write()) << "and it stays stopped";
}

TEST_F(TakenAwayTest, a_log_without_its_lock_file_stops_before_a_second_process_can_harm_it) {
  std::filesystem::remove(folder() / "LOCK");
  log_->check_folder();
  EXPECT_EQ(bench_.listener.failures, 1);
}

}  // namespace
}  // namespace rstmdb::log
