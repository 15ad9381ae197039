// A backup is the folder at one moment; no byte of it can change unnoticed; and neither a backup
// nor a restore leaves anything half done.
#include "admin/backup.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "admin/admin_test_support.h"
#include "admin/backup_writer.h"
#include "admin/check.h"
#include "admin/data_folder.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace rstmdb::admin {
namespace {

using io::SimulatedFileSystem;
using Fault = SimulatedFileSystem::Fault;

const std::string kFile = "/place/backup";
const std::string kRestored = "/place/restored";

Result<BackupReport> make_backup(SimulatedFileSystem& files, const std::string& path = kFile,
                                 uint64_t interrupt_after = UINT64_MAX) {
  QuietProgress quiet;
  quiet.interrupt_after = interrupt_after;
  return backup({.files = files,
                 .clock = quiet.clock,
                 .data_folder = kTestData,
                 .path = path,
                 .progress = quiet.progress});
}

Result<BackupReport> verify(SimulatedFileSystem& files) {
  QuietProgress quiet;
  return verify_backup({.files = files, .path = kFile, .progress = quiet.progress});
}

Result<BackupReport> restore_to(SimulatedFileSystem& files, const std::string& folder,
                                uint64_t interrupt_after = UINT64_MAX) {
  QuietProgress quiet;
  quiet.interrupt_after = interrupt_after;
  return restore(
      {.files = files, .path = kFile, .data_folder = folder, .progress = quiet.progress});
}

/// A sample with a place for backups.
struct Bench {
  explicit Bench(uint64_t seed = 12, std::vector<uint64_t> snapshots_at = {20, 40},
                 int commands = 400, uint64_t segment_bytes = 2500)
      : sample(seed, std::move(snapshots_at), LogEnding::kKilled, segment_bytes, commands),
        files(sample.files) {
    EXPECT_TRUE(files.make_folder("/place").ok());
    EXPECT_TRUE(files.sync_folder("/").ok());
  }
  SampleFolder sample;
  SimulatedFileSystem& files;
};

TEST(Backup, is_not_made_of_a_log_that_ends_before_its_snapshot) {
  Bench bench;
  bench.sample.lose_segments_behind(bench.sample.snapshots[0]);
  const auto made = make_backup(bench.files);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().detail("code"), "LOG_BEHIND_SNAPSHOT") << made.error().to_string();
  EXPECT_FALSE(bench.files.exists(kFile).value());
  EXPECT_FALSE(bench.files.exists(kFile + ".partial").value());
}

TEST(Backup, is_not_made_of_a_log_with_a_gap_behind_its_snapshot_or_that_is_gone) {
  Bench bench;
  bench.sample.lose_segments_up_to(bench.sample.snapshots[1] + 1);
  const auto gap = make_backup(bench.files);
  ASSERT_FALSE(gap.ok());
  EXPECT_EQ(gap.error().detail("code"), "NO_WAY_IN") << gap.error().to_string();
  bench.sample.lose_segments_behind(0);
  const auto missing = make_backup(bench.files);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().detail("code"), "LOG_MISSING") << missing.error().to_string();
  bench.sample.lose_log();
  const auto gone = make_backup(bench.files);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().detail("code"), "LOG_MISSING") << gone.error().to_string();
}

TEST(Backup, holds_the_newest_snapshot_and_the_log_behind_it_and_is_proven) {
  Bench bench;
  const auto before = bench.sample.contents();
  const auto made = make_backup(bench.files);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  const engine::State& state = bench.sample.history.state();
  EXPECT_EQ(made->summary.offset, state.last_offset());
  EXPECT_EQ(made->summary.state_hash, state.hash());
  EXPECT_EQ(made->summary.chain, bench.sample.history.chain().value);
  EXPECT_EQ(made->snapshot_offset, bench.sample.snapshots.back());
  EXPECT_LE(made->summary.oldest_offset, bench.sample.snapshots.back() + 1);
  EXPECT_GT(made->summary.oldest_offset, 1u);
  EXPECT_EQ(made->database, bench.sample.database);
  EXPECT_EQ(made->file_bytes, bench.files.content(kFile).size());
  EXPECT_EQ(bench.sample.contents(), before);
  EXPECT_FALSE(bench.files.exists(kFile + ".partial").value());
  const auto verified = verify(bench.files);
  ASSERT_TRUE(verified.ok()) << verified.error().to_string();
  EXPECT_EQ(verified->summary.state_hash, state.hash());
  EXPECT_EQ(to_text(*verified).empty(), false);
}

TEST(Backup, without_a_snapshot_it_holds_the_whole_log) {
  Bench bench(12, {});
  const auto made = make_backup(bench.files);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_EQ(made->snapshot_offset, 0u);
  EXPECT_EQ(made->entries, bench.sample.paths_with(".seg").size());
  EXPECT_TRUE(verify(bench.files).ok());
}

TEST(Backup, of_a_database_without_records_can_be_restored) {
  SimulatedFileSystem files;
  {
    log::LogBench bench(files, kTestData + "/wal");
    ASSERT_NE(bench.open_well(), nullptr);
  }
  files.kill();
  ASSERT_TRUE(files.make_folder("/place").ok());
  const auto made = make_backup(files);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_EQ(made->summary.offset, 0u);
  ASSERT_TRUE(restore_to(files, kRestored).ok());
}

TEST(Backup, a_damaged_newest_snapshot_is_passed_over_and_reported) {
  Bench bench;
  const std::string path = bench.sample.paths_with(".snap")[1];
  std::string bytes = bench.files.content(path);
  bytes[130] = static_cast<char>(bytes[130] ^ 4);
  bench.files.put(path, bytes);
  const auto made = make_backup(bench.files);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_EQ(made->snapshot_offset, bench.sample.snapshots.front());
  ASSERT_EQ(made->passed_over.size(), 1u);
  EXPECT_EQ(made->passed_over[0].detail("file"), path);
  EXPECT_EQ(made->summary.state_hash, bench.sample.history.state().hash());
}

TEST(Backup, a_snapshot_under_another_name_is_passed_over_and_reported) {
  Bench bench;
  const std::string right = bench.sample.paths_with(".snap")[1];
  const std::string other =
      snapshot_folder(kTestData) + "/" + snapshot::snapshot_name(bench.sample.snapshots[1] + 1);
  bench.files.put(other, bench.files.content(right));
  const auto made = make_backup(bench.files);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_EQ(made->snapshot_offset, bench.sample.snapshots[1]);
  ASSERT_EQ(made->passed_over.size(), 1u);
  EXPECT_EQ(made->passed_over[0].detail("file"), other);
  EXPECT_EQ(made->summary.state_hash, bench.sample.history.state().hash());
}

TEST(Backup, of_a_damaged_log_is_refused_and_leaves_nothing) {
  Bench bench;
  const std::string path = bench.sample.paths_with(".seg").back();
  std::string bytes = bench.files.content(path);
  bytes[70] = static_cast<char>(bytes[70] ^ 4);
  bench.files.put(path, bytes);
  const auto paths = bench.files.paths();
  const auto made = make_backup(bench.files);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().detail("file"), path);
  EXPECT_EQ(bench.files.paths(), paths);
}

TEST(Backup, replaces_nothing) {
  Bench bench;
  bench.files.put(kFile, "precious");
  EXPECT_EQ(make_backup(bench.files).error().code(), Code::kConflict);
  EXPECT_EQ(bench.files.content(kFile), "precious");
  bench.files.put(kFile + "2.partial", "of another");
  EXPECT_EQ(make_backup(bench.files, kFile + "2").error().code(), Code::kConflict);
  EXPECT_EQ(bench.files.content(kFile + "2.partial"), "of another");
}

TEST(Backup, each_flipped_byte_is_found_and_named) {
  Bench bench(5, {10}, 60, 2000);
  ASSERT_TRUE(make_backup(bench.files).ok());
  const std::string good = bench.files.content(kFile);
  size_t exact = 0;
  size_t among = 0;
  size_t in_entries = 0;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 + static_cast<int>(at % 255)));
    bench.files.put(kFile, flipped);
    const auto verified = verify(bench.files);
    ASSERT_FALSE(verified.ok()) << at;
    const Error& error = verified.error();
    ASSERT_EQ(error.detail("code"), kBackupDamaged) << error.to_string();
    const auto byte = static_cast<size_t>(error.detail_number("byte", -1));
    const auto bytes = static_cast<size_t>(error.detail_number("bytes", 0));
    ASSERT_TRUE(byte <= at && at < byte + bytes) << at << " " << error.to_string();
    (bytes == 1 ? exact : among) += 1;
    if (!error.detail("entry").empty()) ++in_entries;
  }
  EXPECT_GT(exact * 100, good.size() * 99);
  std::printf(
      "flips: %zu bytes, %zu named exactly, %zu as one among a few, %zu inside of entries\n",
      good.size(), exact, among, in_entries);
}

TEST(Backup, a_wrong_byte_of_an_entry_is_named_by_its_place_in_the_entry) {
  Bench bench(5, {}, 60, 1 << 20);
  ASSERT_TRUE(make_backup(bench.files).ok());
  const std::string segment = bench.sample.paths_with(".seg")[0];
  std::string bytes = bench.files.content(kFile);
  const size_t header = bytes.find(log::kSegmentMagic);
  ASSERT_NE(header, std::string::npos);
  bytes[header + 700] = static_cast<char>(bytes[header + 700] ^ 0x80);
  bench.files.put(kFile, bytes);
  const auto verified = verify(bench.files);
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().detail("entry"), "wal/00000000000000000001.seg");
  EXPECT_EQ(verified.error().detail_number("entry_byte", -1), 700);
  EXPECT_EQ(verified.error().detail_number("byte", -1), static_cast<int64_t>(header + 700));
}

TEST(Backup, each_truncation_and_anything_behind_it_is_found) {
  Bench bench(5, {10}, 60, 2000);
  ASSERT_TRUE(make_backup(bench.files).ok());
  const std::string good = bench.files.content(kFile);
  for (size_t size = 0; size < good.size(); ++size) {
    bench.files.put(kFile, good.substr(0, size));
    const auto verified = verify(bench.files);
    ASSERT_FALSE(verified.ok()) << size;
    ASSERT_EQ(verified.error().detail_number("byte", -1), static_cast<int64_t>(size));
  }
  bench.files.put(kFile, good + '\0');
  EXPECT_EQ(verify(bench.files).error().detail_number("byte", -1),
            static_cast<int64_t>(good.size()));
}

TEST(Backup, chunks_of_another_backup_do_not_fit_in) {
  Bench bench(5, {}, 60, 1 << 20);
  ASSERT_TRUE(make_backup(bench.files).ok());
  const std::string first = bench.files.content(kFile);
  Bench other(6, {}, 60, 1 << 20);
  ASSERT_TRUE(make_backup(other.files).ok());
  const std::string second = other.files.content(kFile);
  bench.files.put(kFile, first.substr(0, kBackupHeaderBytes) + second.substr(kBackupHeaderBytes));
  if (first.substr(0, kBackupHeaderBytes) != second.substr(0, kBackupHeaderBytes)) {
    EXPECT_FALSE(verify(bench.files).ok());
  }
  // A whole chunk taken out, or twice.
  const size_t name_chunk = kBackupHeaderBytes + kChunkHeaderBytes + 28;
  bench.files.put(kFile, first.substr(0, kBackupHeaderBytes) + first.substr(name_chunk));
  EXPECT_FALSE(verify(bench.files).ok());
  bench.files.put(kFile, first.substr(0, name_chunk) + first.substr(kBackupHeaderBytes));
  EXPECT_FALSE(verify(bench.files).ok());
}

TEST(Backup, a_later_version_is_refused_as_such) {
  Bench bench;
  ASSERT_TRUE(make_backup(bench.files).ok());
  std::string bytes = bench.files.content(kFile);
  bytes[8] = 2;
  store_le(bytes.data() + 60, crc32c({bytes.data(), 60}));
  bench.files.put(kFile, bytes);
  EXPECT_EQ(verify(bench.files).error().detail("code"), kBackupUnknownVersion);
}

TEST(Restore, gives_a_folder_that_folds_to_the_same_state) {
  Bench bench;
  ASSERT_TRUE(make_backup(bench.files).ok());
  const auto restored = restore_to(bench.files, kRestored + "/");
  ASSERT_TRUE(restored.ok()) << restored.error().to_string();
  QuietProgress quiet;
  const auto report = check(
      {.files = bench.files, .folder = kRestored, .at = std::nullopt, .progress = quiet.progress});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good());
  EXPECT_EQ(report->state->hash, bench.sample.history.state().hash());
  // File by file what was copied; the log opens and goes on.
  for (const std::string& path : bench.files.paths())
    if (path.starts_with(kRestored + "/")) {
      const std::string original = kTestData + path.substr(kRestored.size());
      EXPECT_TRUE(bench.files.content(original).starts_with(bench.files.content(path))) << path;
    }
  log::LogBench log_bench(bench.files, kRestored + "/wal");
  const auto log = log_bench.open_well();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->next_offset(), bench.sample.history.records() + 1);
  EXPECT_EQ(log_bench.recovery.torn_bytes, 0u);
}

TEST(Restore, replaces_nothing_and_needs_a_parent) {
  Bench bench;
  ASSERT_TRUE(make_backup(bench.files).ok());
  ASSERT_TRUE(bench.files.make_folder(kRestored).ok());
  bench.files.put(kRestored + "/note", "precious");
  const auto paths = bench.files.paths();
  EXPECT_EQ(restore_to(bench.files, kRestored).error().code(), Code::kConflict);
  EXPECT_FALSE(restore_to(bench.files, "/nowhere/data").ok());
  EXPECT_EQ(bench.files.paths(), paths);
  EXPECT_FALSE(bench.files.exists("/nowhere").value());
}

TEST(Restore, of_a_damaged_backup_leaves_nothing) {
  Bench bench;
  ASSERT_TRUE(make_backup(bench.files).ok());
  std::string bytes = bench.files.content(kFile);
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  bench.files.put(kFile, bytes);
  const auto paths = bench.files.paths();
  EXPECT_FALSE(restore_to(bench.files, kRestored).ok());
  EXPECT_EQ(bench.files.paths(), paths);
  EXPECT_FALSE(bench.files.exists(kRestored + ".new").value());
}

/// Runs `command` with the nth call failing, for each n, until there are no more calls. After each
/// failure the files that were there are there, and no others. Returns the number of calls.
template <class Command>
int fail_each_call(Bench& bench, const std::string& leftover, Command command) {
  const auto paths = bench.files.paths();
  const auto before = bench.sample.contents();
  for (int nth = 1;; ++nth) {
    bench.files.clear_faults();
    bench.files.inject(Fault{.call = SimulatedFileSystem::Call::kAny,
                             .nth = static_cast<uint64_t>(nth),
                             .error_number = 5,
                             .repeat = Fault::Repeat::kOnce,
                             .effect = Fault::Effect::kNothing});
    const uint64_t calls = bench.files.calls();
    const auto done = command();
    const bool struck = bench.files.calls() - calls >= static_cast<uint64_t>(nth);
    bench.files.clear_faults();
    EXPECT_FALSE(bench.files.exists(leftover).value()) << nth;
    EXPECT_EQ(bench.sample.contents(), before);
    if (done.ok() && !struck) return nth - 1;
    if (done.ok()) {
      // A snapshot that could not be read was passed over, with a word about it.
      EXPECT_FALSE(done->passed_over.empty()) << nth;
    } else if (bench.files.paths() == paths) {
      continue;
    }
    // Or the sync behind the last rename has failed. What is there is whole.
    for (const std::string& path : bench.files.paths())
      if (std::ranges::find(paths, path) == paths.end()) bench.files.erase(path);
    static_cast<void>(bench.files.remove_folder(kRestored + "/snapshots").ok());
    static_cast<void>(bench.files.remove_folder(kRestored + "/wal").ok());
  }
}

TEST(Backup, a_failure_of_any_call_leaves_nothing_half_done) {
  Bench bench(5, {10}, 60, 2000);
  const int calls =
      fail_each_call(bench, kFile + ".partial", [&] { return make_backup(bench.files); });
  EXPECT_GT(calls, 20);
  EXPECT_TRUE(verify(bench.files).ok());
}

TEST(Restore, a_failure_of_any_call_leaves_nothing_half_done) {
  Bench bench(5, {10}, 60, 2000);
  ASSERT_TRUE(make_backup(bench.files).ok());
  const int calls =
      fail_each_call(bench, kRestored + ".new", [&] { return restore_to(bench.files, kRestored); });
  EXPECT_GT(calls, 20);
}

/// Runs `work` again and again, each time with two compactions before another one of its calls: the
/// snapshot that was the newest goes, and two newer ones are there.
template <class Work>
int with_compactions_before_each_call(Bench& bench, Work work) {
  const std::vector<std::string> snapshots = bench.sample.paths_with(".snap");
  EXPECT_EQ(snapshots.size(), 3u);
  for (int nth = 1;; ++nth) {
    const auto files = bench.files.clone();
    for (size_t newer = 1; newer < snapshots.size(); ++newer) files->erase(snapshots[newer]);
    int calls = 0;
    files->before_each_call([&](SimulatedFileSystem::Call, const std::string&) {
      if (++calls != nth) return;
      for (size_t newer = 1; newer < snapshots.size(); ++newer)
        files->put(snapshots[newer], bench.files.content(snapshots[newer]));
      EXPECT_TRUE(files->remove(snapshots[0]).ok());
    });
    work(*files, nth);
    if (calls < nth || ::testing::Test::HasFailure()) return nth - 1;
  }
}

TEST(Backup, a_snapshot_that_compactions_take_away_meanwhile_is_held_or_a_newer_one_is_taken) {
  Bench bench(5, {10, 20, 30}, 120, 2000);
  const Hash128 state = bench.sample.history.state().hash();
  const int calls =
      with_compactions_before_each_call(bench, [&](SimulatedFileSystem& files, int nth) {
        const auto made = make_backup(files);
        ASSERT_TRUE(made.ok()) << nth << ": " << made.error().to_string();
        EXPECT_EQ(made->summary.state_hash, state) << nth;
        EXPECT_TRUE(made->passed_over.empty()) << nth;
      });
  EXPECT_GT(calls, 20);
}

TEST(DataFolder, folds_also_when_compactions_take_its_snapshot_away_meanwhile) {
  Bench bench(5, {10, 20, 30}, 120, 2000);
  const int calls =
      with_compactions_before_each_call(bench, [&](SimulatedFileSystem& files, int nth) {
        QuietProgress quiet;
        const auto folded = fold_folder(files, kTestData, log::Offset{UINT64_MAX}, quiet.progress);
        ASSERT_TRUE(folded.ok()) << nth << ": " << folded.error().to_string();
        EXPECT_EQ(folded->fold.state().hash(), bench.sample.history.state().hash()) << nth;
      });
  EXPECT_GT(calls, 10);
}

TEST(Backup, an_interruption_at_any_time_leaves_nothing) {
  Bench bench(5, {10}, 60, 2000);
  const auto paths = bench.files.paths();
  uint64_t after = 0;
  while (true) {
    const auto made = make_backup(bench.files, kFile, after);
    if (made.ok()) break;
    ASSERT_EQ(made.error().detail("code"), "INTERRUPTED");
    ASSERT_EQ(bench.files.paths(), paths);
    ++after;
  }
  EXPECT_GT(after, 5u);
  const auto with_backup = bench.files.paths();
  for (uint64_t until = 0; until < 5; ++until) {
    EXPECT_EQ(restore_to(bench.files, kRestored, until).error().detail("code"), "INTERRUPTED");
    EXPECT_EQ(bench.files.paths(), with_backup);
  }
}

TEST(Backup, what_is_reported_done_survives_a_power_cut) {
  Bench bench(5, {10}, 60, 2000);
  ASSERT_TRUE(make_backup(bench.files).ok());
  ASSERT_TRUE(restore_to(bench.files, kRestored).ok());
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const auto after = bench.files.after_power_cut(seed);
    EXPECT_TRUE(verify(*after).ok());
    for (const std::string& path : bench.files.paths())
      if (path.starts_with("/place/")) {
        EXPECT_EQ(after->content(path), bench.files.content(path)) << path;
      }
  }
}

TEST(Backup, the_number_of_entries_has_a_bound) {
  SimulatedFileSystem files;
  const auto write = [&](const std::string& path, size_t entries) {
    auto writer = BackupWriter::create(files, path, {});
    EXPECT_TRUE(writer.ok());
    Result<void> done;
    for (size_t i = 1; i <= entries && done.ok(); ++i)
      done = writer->begin_entry("wal/" + log::segment_name(i));
    if (!done.ok()) return done;
    return writer->finish({});
  };
  ASSERT_TRUE(write("/most", limits::kBackupEntriesMax).ok());
  const auto file = files.open("/most", io::FileSystem::Open::kRead);
  const auto contents = read_backup(**file, {});
  ASSERT_TRUE(contents.ok()) << contents.error().to_string();
  EXPECT_EQ(contents->entries.size(), limits::kBackupEntriesMax);
  EXPECT_EQ(write("/more", limits::kBackupEntriesMax + 1).error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kBackupEntriesMax));
  // And a reader that is given one more does not take it.
  std::vector<BackupEntry> table(limits::kBackupEntriesMax + 1);
  BackupSummary summary;
  EXPECT_FALSE(decode_trailer(encode_trailer({}, table), summary, table));
}

TEST(BackupFormat, a_trailer_that_names_an_entry_was_written_by_nobody) {
  SimulatedFileSystem files;
  auto writer = BackupWriter::create(files, "/empty", {});
  ASSERT_TRUE(writer.ok() && writer->finish({}).ok());
  std::string bytes = files.content("/empty");
  char* trailer = bytes.data() + kBackupHeaderBytes;
  ChunkHeader header;
  ASSERT_EQ(decode({trailer, kChunkHeaderBytes}, writer->seed(), header), Reading::kValid);
  ASSERT_EQ(header.kind, ChunkKind::kTrailer);
  for (const uint32_t entry : {0u, 1u, 5u}) {
    header.entry = entry;
    encode(header, writer->seed(), trailer);
    files.put("/changed", bytes);
    const auto file = files.open("/changed", io::FileSystem::Open::kRead);
    const auto contents = read_backup(**file, {});
    EXPECT_EQ(contents.ok(), entry == 0) << entry;
    if (contents.ok()) continue;
    EXPECT_EQ(contents.error().detail("code"), kBackupDamaged);
    EXPECT_EQ(contents.error().detail_number("byte", 0), static_cast<int64_t>(kBackupHeaderBytes));
  }
}

TEST(BackupFormat, only_names_of_our_files_are_names) {
  for (const char* good : {"wal/00000000000000000001.seg", "snapshots/00000000000000000812.snap"})
    EXPECT_TRUE(is_entry_name(good)) << good;
  for (const char* bad :
       {"", "wal/", "wal/1.seg", "wal/0000000000000000000a.seg", "wal/00000000000000000001.snap",
        "snapshots/00000000000000000001.seg", "../00000000000000000001.seg", "/etc/passwd",
        "wal/../../00000000000001.seg", "wal/00000000000000000001.seg/", "LOCK"})
    EXPECT_FALSE(is_entry_name(bad)) << bad;
}

}  // namespace
}  // namespace rstmdb::admin
