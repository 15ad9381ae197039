// A check finds what is wrong, names it, and changes nothing.
#include "admin/check.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>

#include "admin/admin_test_support.h"
#include "base/bytes.h"
#include "base/crc32c.h"
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

std::string snapshot_path(log::Offset offset) {
  return snapshot_folder(kTestData) + "/" + snapshot::snapshot_name(offset);
}

log::Offset first_offset(const std::string& segment) {
  return log::parse_segment_name(segment.substr(segment.rfind('/') + 1)).value();
}

void flip_byte(SimulatedFileSystem& files, const std::string& path, size_t at) {
  std::string bytes = files.content(path);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  files.put(path, bytes);
}

/// Makes a snapshot one of a later version of the format.
void make_later(SimulatedFileSystem& files, const std::string& path) {
  std::string bytes = files.content(path);
  bytes[8] = 2;
  store_le(bytes.data() + 124, crc32c({bytes.data(), 124}));
  files.put(path, bytes);
}

/// Puts a whole snapshot of `offset` there, of the right database and of another history: its state
/// after as many records, or after `records`, which no such snapshot could have.
void put_another_state(SampleFolder& sample, log::Offset offset, const engine::ChainHash& chain,
                       uint64_t records = 0) {
  const std::string path = snapshot_path(offset);
  sample.files.erase(path);
  bool written = false;
  for (uint64_t seed = 13; seed < 40 && !written; ++seed) {
    engine::RandomHistory history(seed);
    history.command_count = 1000;
    history.between = [&] {
      if (written || history.records() != (records == 0 ? offset : records)) return;
      written = true;
      engine::StateWalk walk(history.state());
      engine::StateFacts facts = walk.facts();
      facts.hash -= engine::position_hash(facts.last_offset, facts.last_ts);
      facts.last_offset = offset;
      facts.hash += engine::position_hash(facts.last_offset, facts.last_ts);
      const auto writer = snapshot::Writer::create(
          sample.files, path, {.database = sample.database, .facts = facts, .chain = chain});
      ASSERT_TRUE(writer.ok());
      while (!walk.done()) walk.advance(3, 1000);
      for (const engine::RowBlock& block : walk.take_blocks())
        ASSERT_TRUE((*writer)->write(block).ok());
      ASSERT_TRUE((*writer)->finish().ok());
    };
    history.run();
  }
  ASSERT_TRUE(written);
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

/// Takes away the segments that a snapshot of `offset` makes unnecessary.
void trim(SimulatedFileSystem& files, const std::vector<std::string>& segments,
          log::Offset offset) {
  for (size_t i = 0; i + 1 < segments.size(); ++i)
    if (first_offset(segments[i + 1]) <= offset + 1) files.erase(segments[i]);
}

/// Those that the oldest one makes unnecessary.
void trim(SampleFolder& sample) {
  const auto segments = sample.paths_with(".seg");
  trim(sample.files, segments, sample.snapshots.front());
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

TEST(Check, of_a_trimmed_log_too_it_says_how_far_it_is_good) {
  SampleFolder sample(12, {30, 45});
  trim(sample);
  const std::string hurt = sample.paths_with(".seg")[1];
  flip_byte(sample.files, hurt, 30);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_FALSE(report->good());
  EXPECT_EQ(report->faults[0].file, hurt) << faults_of(*report);
  EXPECT_EQ(report->readable_up_to, first_offset(hurt) - 1);
  EXPECT_NE(to_text(*report).find("good up to record " + std::to_string(first_offset(hurt) - 1)),
            std::string::npos);
}

TEST(Check, a_record_of_a_trimmed_log_that_contradicts_the_snapshot_ends_what_is_good) {
  SampleFolder sample(12, {30, 45});
  trim(sample);
  const log::Offset offset = sample.snapshots.back();
  const auto right = snapshot::verify(sample.files, snapshot_path(offset), {});
  ASSERT_TRUE(right.ok());
  put_another_state(sample, offset, right->header.chain);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "RECORD_DAMAGED");
  ASSERT_GT(report->faults[0].offset.value_or(0), offset);
  EXPECT_EQ(report->readable_up_to, *report->faults[0].offset - 1);
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

TEST(Check, a_gap_behind_the_only_snapshot_leaves_no_way_in) {
  SampleFolder sample(12, {30});
  sample.lose_segments_up_to(sample.snapshots[0] + 1);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "NO_WAY_IN");
  EXPECT_NE(report->start.find("refuse"), std::string::npos) << report->start;
}

TEST(Check, a_sector_of_a_snapshot_that_cannot_be_read_is_passed_over_as_by_a_start) {
  SampleFolder sample(12, {20, 40});
  const std::string newest = snapshot_path(sample.snapshots[1]);
  const auto report_with = [&](int error_number) {
    sample.files.before_each_call([&](SimulatedFileSystem::Call call, const std::string& path) {
      if (call != SimulatedFileSystem::Call::kRead || path != newest) return;
      sample.files.inject({.call = call, .nth = 1, .error_number = error_number});
    });
    auto report = check_folder(sample.files);
    sample.files.before_each_call({});
    EXPECT_TRUE(report.ok());
    return std::move(report).value();
  };
  const CheckReport of_the_disk = report_with(EIO);
  ASSERT_EQ(of_the_disk.faults.size(), 1u) << faults_of(of_the_disk);
  EXPECT_EQ(of_the_disk.faults[0].file, newest);
  EXPECT_NE(of_the_disk.start.find("the snapshot of record " + std::to_string(sample.snapshots[0])),
            std::string::npos)
      << of_the_disk.start;
  const CheckReport of_the_process = report_with(ENOMEM);
  EXPECT_NE(of_the_process.start.find("cannot be told"), std::string::npos) << of_the_process.start;
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

TEST(Check, a_snapshot_of_a_later_version_stops_a_start_unless_a_newer_one_is_good) {
  SampleFolder sample(12, {20, 40});
  const auto snapshots = sample.paths_with(".snap");
  const auto files = sample.files.clone();
  make_later(*files, snapshots[0]);
  const auto older = check_folder(*files);
  ASSERT_TRUE(older.ok());
  ASSERT_EQ(older->faults.size(), 1u) << faults_of(*older);
  EXPECT_EQ(older->faults[0].code, "SNAPSHOT_UNKNOWN_VERSION");
  EXPECT_EQ(older->start.find("refuse"), std::string::npos) << older->start;
  // A start passes over a damaged one, and comes to it.
  flip_byte(*files, snapshots[1], 150);
  const auto reached = check_folder(*files);
  ASSERT_TRUE(reached.ok());
  EXPECT_NE(reached->start.find("refuse to start: " + snapshots[0]), std::string::npos)
      << reached->start;

  make_later(sample.files, snapshots[1]);
  const auto newest = check_folder(sample.files);
  ASSERT_TRUE(newest.ok());
  ASSERT_EQ(newest->faults.size(), 1u) << faults_of(*newest);
  EXPECT_NE(newest->start.find("refuse to start: " + snapshots[1]), std::string::npos)
      << newest->start;
}

TEST(Check, a_file_that_only_looks_like_a_snapshot_stops_a_start) {
  SampleFolder sample(12, {20});
  const std::string copy = snapshot_folder(kTestData) + "/copy.snap";
  sample.files.put(copy, sample.files.content(snapshot_path(sample.snapshots[0])));
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].file, copy);
  EXPECT_NE(report->start.find("refuse to start: " + copy), std::string::npos) << report->start;
}

TEST(Check, a_snapshot_under_another_name_is_damaged) {
  SampleFolder sample(12, {20, 40});
  const std::string other = snapshot_path(sample.snapshots[1] + 1);
  sample.files.put(other, sample.files.content(snapshot_path(sample.snapshots[1])));
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "SNAPSHOT_DAMAGED");
  EXPECT_EQ(report->faults[0].file, other);
  EXPECT_EQ(report->faults[0].byte, 32u);
  EXPECT_TRUE(report->folded_from_snapshot);
  EXPECT_NE(report->start.find("the snapshot of record " + std::to_string(sample.snapshots[1])),
            std::string::npos)
      << report->start;
}

TEST(Check, a_snapshot_of_nothing_is_compared_and_those_behind_it_too) {
  SampleFolder sample(12, {20, 40});
  engine::RandomHistory nothing(1);
  ASSERT_TRUE(
      snapshot::write_snapshot(sample.files, snapshot_path(0), nothing, sample.database).ok());
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good()) << faults_of(*report);
  ASSERT_EQ(report->snapshots.size(), 3u);
  for (const CheckedSnapshot& snapshot : report->snapshots)
    EXPECT_TRUE(snapshot.same_as_log) << snapshot.file;
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

  sample.lose_log();
  const auto gone = check_folder(sample.files);
  ASSERT_TRUE(gone.ok()) << gone.error().to_string();
  EXPECT_EQ(faults_of(*gone), faults_of(*missing));
  EXPECT_EQ(gone->start, missing->start);

  // That there was a log, damaged ones say too.
  for (const std::string& path : sample.paths_with(".snap")) flip_byte(sample.files, path, 150);
  const auto damaged = check_folder(sample.files);
  ASSERT_TRUE(damaged.ok()) << damaged.error().to_string();
  ASSERT_EQ(damaged->faults.size(), 3u) << faults_of(*damaged);
  EXPECT_EQ(damaged->faults[2].code, "LOG_MISSING");
  EXPECT_NE(damaged->start.find("refuse"), std::string::npos) << damaged->start;
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
  put_another_state(sample, sample.snapshots[0], {});
  const auto report = check_folder(sample.files);
  ASSERT_FALSE(report->good());
  EXPECT_EQ(report->faults[0].code, "STATE_DIFFERS");
  EXPECT_EQ(report->faults[0].file, snapshot_path(sample.snapshots[0]));
}

TEST(Check, a_snapshot_that_is_whole_and_does_not_load_is_passed_over_as_by_a_start) {
  SampleFolder sample(12, {20, 40});
  put_another_state(sample, sample.snapshots[1], {}, sample.snapshots[1] + 20);
  const std::string newest = snapshot_path(sample.snapshots[1]);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  const auto damaged = std::ranges::find(report->faults, "SNAPSHOT_DAMAGED", &CheckFault::code);
  ASSERT_TRUE(damaged != report->faults.end()) << faults_of(*report);
  EXPECT_EQ(damaged->file, newest);
  EXPECT_FALSE(report->snapshots.back().good);
  EXPECT_TRUE(report->folded_from_snapshot) << faults_of(*report);
  EXPECT_NE(report->start.find("the snapshot of record " + std::to_string(sample.snapshots[0])),
            std::string::npos)
      << report->start;
}

TEST(Check, a_trimmed_log_whose_only_snapshot_does_not_load_is_of_no_use) {
  SampleFolder sample(12, {30, 45});
  trim(sample);
  sample.files.erase(snapshot_path(sample.snapshots[0]));
  put_another_state(sample, sample.snapshots[1], {}, sample.snapshots[1] + 20);
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 1u) << faults_of(*report);
  EXPECT_EQ(report->faults[0].code, "SNAPSHOT_DAMAGED");
  EXPECT_NE(report->start.find("refuse"), std::string::npos) << report->start;
}

TEST(Check, two_ways_to_two_states_are_not_said_to_lead_to_the_same) {
  SampleFolder sample(12);
  put_another_state(sample, sample.history.records(), sample.history.chain());
  const auto report = check_folder(sample.files);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->faults.size(), 2u) << faults_of(*report);
  for (const CheckFault& fault : report->faults) EXPECT_EQ(fault.code, "STATE_DIFFERS");
  EXPECT_TRUE(report->folded_from_first);
  EXPECT_FALSE(report->folded_from_snapshot);
  EXPECT_EQ(to_text(*report).find("the same state"), std::string::npos) << to_text(*report);
}

TEST(Check, two_compactions_beside_it_are_no_fault) {
  const SampleFolder sample(12, {20, 50, 80}, LogEnding::kKilled, 2500, 600);
  const auto snapshots = sample.paths_with(".snap");
  ASSERT_EQ(snapshots.size(), 3u);
  // It begins with the first snapshot and a log that ends between that one and the second.
  const auto segments = sample.paths_with(".seg");
  const auto later = std::ranges::find_if(
      segments, [&](const std::string& path) { return first_offset(path) > sample.snapshots[0]; });
  ASSERT_TRUE(later != segments.end() && first_offset(*later) <= sample.snapshots[1]);
  for (const bool trimmed : {false, true}) {
    int nth = 0;
    for (bool struck = true; struck && !HasFailure();) {
      ++nth;
      const auto files = sample.files.clone();
      for (auto path = later; path != segments.end(); ++path) files->erase(*path);
      for (size_t newer = 1; newer < snapshots.size(); ++newer) files->erase(snapshots[newer]);
      if (trimmed) trim(*files, {segments.begin(), later}, sample.snapshots[0]);
      int calls = 0;
      files->before_each_call([&](SimulatedFileSystem::Call, const std::string&) {
        if (++calls != nth) return;
        for (auto path = later; path != segments.end(); ++path)
          files->put(*path, sample.files.content(*path));
        for (size_t newer = 1; newer < snapshots.size(); ++newer)
          files->put(snapshots[newer], sample.files.content(snapshots[newer]));
        files->erase(snapshots[0]);
        trim(*files, segments, sample.snapshots[1]);
      });
      const auto report = check_folder(*files);
      ASSERT_TRUE(report.ok()) << nth << ": " << report.error().to_string();
      EXPECT_TRUE(report->good()) << nth << ": " << faults_of(*report);
      EXPECT_EQ(report->start.find("refuse"), std::string::npos) << nth << ": " << report->start;
      struck = calls >= nth;
    }
    EXPECT_GT(nth, 20);
  }
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
