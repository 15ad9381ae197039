// A check finds what is wrong, names it, and changes nothing.
#include "admin/check.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "admin/admin_test_support.h"
#include "json/document.h"

namespace rstmdb::admin {
namespace {

using io::SimulatedFileSystem;

Result<CheckReport> check_folder(io::FileSystem& files,
                                 std::optional<log::Offset> at = std::nullopt) {
  QuietProgress quiet;
  return check({.files = files, .folder = kTestData, .at = at, .progress = quiet.progress});
}

std::string faults_of(const CheckReport& report) {
  std::string text;
  for (const CheckFault& fault : report.faults) text += fault.code + ": " + fault.what + "\n";
  return text;
}

TEST(Check, a_good_folder_is_counted_folded_both_ways_and_left_as_it_is) {
  SampleFolder sample(12, {20, 40});
  ASSERT_EQ(sample.snapshots.size(), 2u);
  const auto before = sample.contents();
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->good()) << faults_of(*report);
  EXPECT_EQ(report->records, sample.history.records());
  EXPECT_EQ(report->oldest_offset, 1u);
  EXPECT_EQ(report->newest_offset, sample.history.records());
  EXPECT_EQ(report->segments, sample.paths_with(".seg").size());
  EXPECT_EQ(report->database, sample.database);
  EXPECT_TRUE(report->tail.closed);
  uint64_t by_kind = 0;
  for (const uint64_t count : report->records_by_kind) by_kind += count;
  EXPECT_EQ(by_kind, report->records);
  ASSERT_TRUE(report->state.has_value());
  const engine::State& state = sample.history.state();
  EXPECT_EQ(report->state->hash, state.hash());
  EXPECT_EQ(report->state->instances, state.live().count());
  EXPECT_EQ(report->state->instances + report->state->tombstones, state.instances().size());
  EXPECT_EQ(report->state->keys, state.keys().count());
  EXPECT_TRUE(report->folded_from_first);
  EXPECT_TRUE(report->folded_from_snapshot);
  ASSERT_EQ(report->snapshots.size(), 2u);
  for (const CheckedSnapshot& snapshot : report->snapshots)
    EXPECT_TRUE(snapshot.good && snapshot.same_as_log);
  EXPECT_NE(
      report->start.find("from the snapshot of record " + std::to_string(sample.snapshots.back())),
      std::string::npos)
      << report->start;
  EXPECT_EQ(sample.contents(), before);
  json::Document document;
  EXPECT_TRUE(document.parse(to_json(*report)).ok());
  EXPECT_NE(to_text(*report).find("nothing is wrong"), std::string::npos);
}

TEST(Check, the_state_can_be_seen_at_every_offset) {
  SampleFolder sample(12, {20, 40});
  for (size_t unit = 0; unit < sample.unit_ends.size(); ++unit) {
    const auto report = check_folder(sample.files, sample.unit_ends[unit]);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->good()) << faults_of(*report);
    EXPECT_EQ(report->state->hash, sample.history.hashes()[unit]) << unit;
    EXPECT_EQ(report->state->offset, sample.unit_ends[unit]);
  }
  const auto beyond = check_folder(sample.files, sample.history.records() + 1);
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().code(), Code::kNotFound);
}

/// Takes away the segments that the oldest snapshot makes unnecessary.
void trim(SampleFolder& sample) {
  const auto segments = sample.paths_with(".seg");
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const auto next = log::parse_segment_name(segments[i + 1].substr(segments[i + 1].size() - 24));
    if (*next <= sample.snapshots.front() + 1) sample.files.erase(segments[i]);
  }
  ASSERT_LT(sample.paths_with(".seg").size(), segments.size());
}

TEST(Check, a_trimmed_log_is_folded_from_the_snapshot) {
  SampleFolder sample(12, {30, 45});
  trim(sample);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good()) << faults_of(*report);
  EXPECT_FALSE(report->folded_from_first);
  EXPECT_TRUE(report->folded_from_snapshot);
  EXPECT_EQ(report->state->hash, sample.history.state().hash());
  const auto at = check_folder(sample.files, sample.snapshots.front());
  ASSERT_TRUE(at.ok()) << at.error().to_string();
  EXPECT_EQ(at->state->offset, sample.snapshots.front());
  EXPECT_FALSE(check_folder(sample.files, 5).ok());
}

TEST(Check, a_trimmed_log_without_a_good_snapshot_is_of_no_use) {
  SampleFolder sample(12, {30, 45});
  trim(sample);
  for (const std::string& path : sample.paths_with(".snap")) sample.files.erase(path);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "NO_WAY_IN");
  EXPECT_NE(report->start.find("refuse"), std::string::npos);
}

TEST(Check, every_flipped_byte_of_every_file_is_a_fault_of_that_file) {
  SampleFolder sample(5, {10}, LogEnding::kClosed, 2000, 60);
  size_t found = 0;
  size_t in_the_mark = 0;
  for (const auto& [path, content] : sample.contents()) {
    if (path.ends_with("LOCK")) continue;
    const bool last = path == sample.paths_with(".seg").back();
    for (size_t at = 0; at < content.size(); ++at) {
      const auto files = sample.files.clone();
      std::string flipped = content;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      files->put(path, flipped);
      const auto report = check_folder(*files);
      ASSERT_TRUE(report.ok()) << report.error().to_string();
      if (last && at + log::kGroupHeaderBytes >= content.size()) {
        // Without its mark of a clean end a log looks like one whose last write was cut short.
        EXPECT_GT(report->tail.unknown_bytes, 0u);
        ++in_the_mark;
        continue;
      }
      ASSERT_FALSE(report->good()) << path << " " << at;
      EXPECT_EQ(report->faults[0].file, path) << faults_of(*report);
      ASSERT_TRUE(report->faults[0].byte.has_value());
      ++found;
    }
  }
  std::printf("flips: %zu found and named, %zu in the mark of a clean end\n", found, in_the_mark);
}

TEST(Check, a_missing_a_foreign_and_two_swapped_segments_are_named) {
  SampleFolder sample(12);
  const auto segments = sample.paths_with(".seg");
  ASSERT_GE(segments.size(), 4u);
  {
    const auto files = sample.files.clone();
    files->erase(segments[1]);
    const auto report = check_folder(*files);
    ASSERT_FALSE(report->good());
    EXPECT_EQ(report->faults[0].file, segments[2]);
  }
  {
    SampleFolder other(13);
    const auto files = sample.files.clone();
    std::string foreign = other.files.content(other.paths_with(".seg")[0]);
    files->put(segments[1], foreign);
    const auto report = check_folder(*files);
    ASSERT_FALSE(report->good());
    EXPECT_EQ(report->faults[0].file, segments[1]);
  }
  {
    const auto files = sample.files.clone();
    files->put(segments[1], sample.files.content(segments[2]));
    files->put(segments[2], sample.files.content(segments[1]));
    const auto report = check_folder(*files);
    ASSERT_GE(report->faults.size(), 2u) << faults_of(*report);
    EXPECT_EQ(report->faults[0].file, segments[1]);
    EXPECT_EQ(report->faults[1].file, segments[2]);
  }
}

TEST(Check, damage_in_two_segments_is_reported_for_both) {
  SampleFolder sample(12);
  const auto segments = sample.paths_with(".seg");
  for (const size_t hurt : {size_t{1}, size_t{2}}) {
    std::string bytes = sample.files.content(segments[hurt]);
    bytes[200] = static_cast<char>(bytes[200] ^ 1);
    sample.files.put(segments[hurt], bytes);
  }
  const auto report = check_folder(sample.files);
  ASSERT_EQ(report->faults.size(), 2u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].file, segments[1]);
  EXPECT_EQ(report->faults[1].file, segments[2]);
  EXPECT_EQ(report->readable_up_to > 0, true);
  EXPECT_EQ(report->newest_offset, sample.history.records());  // the last segment is still read
}

TEST(Check, a_damaged_newest_snapshot_leaves_the_one_before_it) {
  SampleFolder sample(12, {20, 40});
  const auto snapshots = sample.paths_with(".snap");
  std::string bytes = sample.files.content(snapshots[1]);
  bytes[150] = static_cast<char>(bytes[150] ^ 1);
  sample.files.put(snapshots[1], bytes);
  const auto report = check_folder(sample.files);
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].file, snapshots[1]);
  EXPECT_TRUE(report->folded_from_snapshot);
  EXPECT_NE(report->start.find(std::to_string(sample.snapshots[0])), std::string::npos);
}

TEST(Check, a_log_that_ends_before_a_snapshot_or_is_missing_beside_one_is_a_fault) {
  SampleFolder sample(12, {20, 40}, LogEnding::kKilled);
  const std::string newest = sample.paths_with(".snap")[1];
  sample.lose_segments_behind(sample.snapshots[0]);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_LT(report->newest_offset, sample.snapshots[1]);
  ASSERT_GE(report->newest_offset, sample.snapshots[0]);
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "LOG_BEHIND_SNAPSHOT");
  EXPECT_EQ(report->faults[0].file, newest);
  EXPECT_NE(report->start.find("refuse"), std::string::npos) << report->start;

  sample.lose_segments_behind(0);
  const auto missing = check_folder(sample.files);
  ASSERT_TRUE(missing.ok()) << missing.error().to_string();
  ASSERT_EQ(missing->faults.size(), 1u) << faults_of(*missing);
  EXPECT_EQ(missing->faults[0].code, "LOG_MISSING");
  EXPECT_NE(missing->start.find("refuse"), std::string::npos) << missing->start;
}

TEST(Check, what_a_start_would_do_does_not_depend_on_the_offset_that_is_shown) {
  SampleFolder sample(12, {20, 40});
  const auto plain = check_folder(sample.files);
  ASSERT_TRUE(plain.ok());
  for (const log::Offset at : {sample.snapshots[0] - 1, sample.snapshots[0] + 1}) {
    const auto report = check_folder(sample.files, at);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->start, plain->start);
  }
}

TEST(Check, a_good_snapshot_of_another_state_is_a_fault) {
  SampleFolder sample(12, {20});
  // As many records, another history, and the right database.
  const std::string path = sample.paths_with(".snap")[0];
  bool written = false;
  for (uint64_t seed = 13; seed < 40 && !written; ++seed) {
    engine::RandomHistory history(seed);
    history.between = [&] {
      if (written || history.records() != sample.snapshots[0]) return;
      written = true;
      sample.files.erase(path);
      EXPECT_TRUE(snapshot::write_snapshot(sample.files, path, history, sample.database).ok());
    };
    history.run();
  }
  ASSERT_TRUE(written);
  const auto report = check_folder(sample.files);
  ASSERT_FALSE(report->good());
  EXPECT_EQ(report->faults[0].code, "STATE_DIFFERS");
  EXPECT_EQ(report->faults[0].file, path);
}

TEST(Check, a_record_that_contradicts_those_before_it_is_named_and_aborts_nothing) {
  SimulatedFileSystem files;
  log::LogBench bench(files, kTestData + "/wal");
  auto log = bench.open_well();
  engine::ChainHash chain;
  for (uint64_t offset = 1; offset <= 3; ++offset) {
    engine::Record record;
    record.kind = engine::RecordKind::kDeleteInstance;
    if (offset == 1) record.kind = engine::RecordKind::kFlushAll;
    record.offset = offset;
    record.ts = 5;
    record.instance_id = "nobody";
    std::string unit;
    engine::append_record(unit, record, chain);
    ASSERT_TRUE(log->append({.first_offset = offset, .record_count = 1, .bytes = unit}).ok());
    log->flush();
  }
  const auto report = check_folder(files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "RECORD_DAMAGED");
  EXPECT_EQ(report->faults[0].offset, 2u);
  EXPECT_EQ(report->readable_up_to, 1u);
  EXPECT_EQ(report->records, 3u);  // the third can be read, only not folded
}

TEST(Check, an_empty_folder_is_good_and_none_is_a_fault) {
  SimulatedFileSystem files;
  ASSERT_TRUE(files.make_folder(kTestData + "/wal").ok());
  const auto empty = check_folder(files);
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->good()) << faults_of(*empty);
  EXPECT_EQ(empty->start, "a server would make a new log here");
  SimulatedFileSystem nothing;
  const auto none = check_folder(nothing);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->good());
}

TEST(Check, an_interruption_ends_it) {
  SampleFolder sample(12, {20});
  QuietProgress quiet;
  quiet.interrupt_after = 3;
  const auto report = check(
      {.files = sample.files, .folder = kTestData, .at = std::nullopt, .progress = quiet.progress});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().detail("code"), "INTERRUPTED");
}

}  // namespace
}  // namespace rstmdb::admin
