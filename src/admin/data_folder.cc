#include "admin/data_folder.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/limits.h"
#include "snapshot/damage.h"

namespace rstmdb::admin {
namespace {

constexpr uint64_t kHashSeed = 0x5eed;
/// A server takes seconds for a compaction, so a few tries outlast any.
constexpr int kTriesMax = 20;

bool is_missing(const Error& error) { return error.detail_number("errno", 0) == ENOENT; }

Error restless(const std::string& data_folder) {
  return Error(Code::kConflict, data_folder + " changes faster than it can be read")
      .with("folder", data_folder);
}

Error no_way_in(const std::string& data_folder, const log::LogReader& log) {
  const log::Offset oldest = log.segments().front().first_offset;
  return Error(Code::kWalIoError, "the log in " + data_folder + " begins with record " +
                                      std::to_string(oldest) +
                                      " and no usable snapshot leads up to it")
      .with("code", kNoWayIn)
      .with("file", log_folder(data_folder))
      .with("oldest_offset", static_cast<int64_t>(oldest));
}

Error log_missing(const std::string& data_folder, const snapshot::Stored& snapshot) {
  return Error(Code::kWalIoError,
               log_folder(data_folder) + ": the log is missing, and there is " + snapshot.path)
      .with("code", kLogMissing)
      .with("file", log_folder(data_folder));
}

Error behind_snapshot(const snapshot::Stored& snapshot, log::Offset last) {
  return Error(Code::kWalIoError, snapshot.path + ": the log ends at record " +
                                      std::to_string(last) +
                                      ", before this snapshot: a part of it is missing")
      .with("code", kLogBehindSnapshot)
      .with("file", snapshot.path)
      .with("offset", static_cast<int64_t>(snapshot.offset));
}

snapshot::OnProgress bytes_to(Progress& progress, Result<void>& outcome) {
  return [&progress, &outcome](const snapshot::ReadProgress& now) {
    if (outcome.ok()) outcome = progress.at(now.bytes_done);
  };
}

/// Whether the log, which has segments, goes on from a state at `offset` as far as it is open.
bool continues(const log::LogReader& log, log::Offset offset) {
  return log.segments().front().first_offset <= offset + 1;
}

/// The snapshot with the log behind it, if both are there and whole. Nullopt: something has gone
/// since the listing, or never was: then `gap` fails and says what.
Result<std::optional<Source>> try_snapshot(io::FileSystem& files, const std::string& data_folder,
                                           const snapshot::Stored& stored, Progress& progress,
                                           Result<void>& gap) {
  auto file = files.open(stored.path, io::FileSystem::Open::kRead);
  if (!file.ok() && is_missing(file.error())) return std::optional<Source>();
  if (!file.ok()) return std::move(file).error();
  auto log = log::LogReader::open(files, log_folder(data_folder), stored.offset + 1);
  if (!log.ok() && !is_missing(log.error())) return std::move(log).error();
  if (!log.ok() || log->segments().empty()) {
    gap = log_missing(data_folder, stored);
    return std::optional<Source>();
  }
  if (!continues(*log, stored.offset)) {
    gap = no_way_in(data_folder, *log);
    return std::optional<Source>();
  }
  progress.begin("reading the snapshot", 0);
  Result<void> interrupted;
  auto verified = verify_snapshot(files, stored, bytes_to(progress, interrupted));
  RSTMDB_TRY(std::move(interrupted));
  progress.end();
  if (!verified.ok()) {
    if (is_missing(verified.error())) return std::optional<Source>();
    return std::move(verified).error();
  }
  Source source;
  source.snapshot = stored;
  source.snapshot_file = std::move(file).value();
  source.log = std::move(log).value();
  return std::optional<Source>(std::move(source));
}

/// Nullopt: it has gone since it was looked at.
Result<std::optional<snapshot::Loaded>> load_snapshot(io::FileSystem& files,
                                                      const std::string& path, Progress& progress) {
  progress.begin("loading the snapshot", 0);
  Result<void> interrupted;
  auto loaded = snapshot::load(
      files, path,
      {.state = {.hash_seed = kHashSeed}, .progress = bytes_to(progress, interrupted)});
  RSTMDB_TRY(std::move(interrupted));
  if (!loaded.ok() && is_missing(loaded.error())) return std::optional<snapshot::Loaded>();
  if (!loaded.ok()) return std::move(loaded).error();
  progress.end();
  return std::optional(std::move(loaded).value());
}

/// One look at the folder. Nullopt: it has changed under our hands, look again; or, when `gap`
/// fails, that is how it is.
Result<std::optional<Source>> look(io::FileSystem& files, const std::string& data_folder,
                                   log::Offset until, Progress& progress, Result<void>& gap) {
  const snapshot::Folder folder(files, snapshot_folder(data_folder));
  RSTMDB_ASSIGN(const std::vector<snapshot::Stored> stored, folder.list());
  std::vector<Error> passed_over;
  for (size_t i = stored.size(); i-- > 0;) {
    if (stored[i].offset > until) continue;
    auto source = try_snapshot(files, data_folder, stored[i], progress, gap);
    if (!source.ok()) {
      if (source.error().detail("code") == "INTERRUPTED") return std::move(source).error();
      passed_over.push_back(std::move(source).error());
      continue;
    }
    if (!source->has_value()) return std::optional<Source>();
    (*source)->passed_over = std::move(passed_over);
    return source;
  }
  Source source;
  RSTMDB_ASSIGN(source.log, log::LogReader::open(files, log_folder(data_folder), 0));
  if (!source.log->segments().empty() && !continues(*source.log, 0)) {
    // With a snapshot that could have been used, a compaction came between the two looks.
    const bool usable = std::ranges::any_of(
        stored, [until](const snapshot::Stored& each) { return each.offset <= until; });
    if (!usable || !passed_over.empty()) return no_way_in(data_folder, *source.log);
    return std::optional<Source>();
  }
  source.passed_over = std::move(passed_over);
  return std::optional<Source>(std::move(source));
}

}  // namespace

std::string hex(const log::DatabaseId& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : id) {
    const auto value = static_cast<unsigned char>(byte);
    text.push_back(kDigits[value >> 4]);
    text.push_back(kDigits[value & 15]);
  }
  return text;
}

std::string log_folder(const std::string& data_folder) { return data_folder + "/wal"; }
std::string snapshot_folder(const std::string& data_folder) { return data_folder + "/snapshots"; }

Result<snapshot::Verified> verify_snapshot(io::FileSystem& files, const snapshot::Stored& stored,
                                           const snapshot::OnProgress& progress) {
  RSTMDB_ASSIGN(snapshot::Verified verified, snapshot::verify(files, stored.path, progress));
  if (verified.header.facts.last_offset != stored.offset)
    return snapshot::snapshot_damaged(stored.path, 32, "the offset is not the one in the name");
  return verified;
}

Result<Source> open_source(io::FileSystem& files, const std::string& data_folder, log::Offset until,
                           Progress& progress) {
  Result<void> gap;
  for (int i = 0; i < kTriesMax; ++i) {
    gap = {};
    RSTMDB_ASSIGN(std::optional<Source> source, look(files, data_folder, until, progress, gap));
    if (source) return std::move(*source);
  }
  if (!gap.ok()) return std::move(gap).error();
  return restless(data_folder);
}

Result<Folded> fold_folder(io::FileSystem& files, const std::string& data_folder, log::Offset until,
                           Progress& progress) {
  std::optional<Source> opened;
  std::optional<snapshot::Loaded> loaded;
  std::vector<Error> unusable;  // though verified
  log::Offset newest = until;   // of the snapshots that are tried
  for (int i = 0; !opened && i < kTriesMax; ++i) {
    auto source = open_source(files, data_folder, newest, progress);
    if (!source.ok()) return unusable.empty() ? std::move(source).error() : unusable.front();
    opened = std::move(source).value();
    if (!opened->snapshot) break;
    auto state = load_snapshot(files, opened->snapshot->path, progress);
    if (state.ok()) {
      loaded = std::move(state).value();
    } else if (snapshot::is_of_this_file(state.error()) && opened->snapshot->offset > 0) {
      newest = opened->snapshot->offset - 1;
      unusable.push_back(std::move(state).error());
    } else {
      return std::move(state).error();
    }
    if (!loaded) opened.reset();
  }
  if (!opened) return restless(data_folder);
  Source& source = *opened;
  Folded folded;
  folded.passed_over = std::move(source.passed_over);
  std::ranges::move(unusable, std::back_inserter(folded.passed_over));
  if (loaded) {
    folded.snapshot_offset = loaded->header.facts.last_offset;
    folded.database = loaded->header.database;
    folded.fold = Fold(std::move(loaded->state), loaded->header.chain);
  }
  log::LogReader& log = *source.log;
  progress.begin("folding the log", log.total_bytes());
  while (true) {
    RSTMDB_ASSIGN(const log::LogReader::Step step, log.next());
    if (step == log::LogReader::Step::kEnd) {
      // A snapshot gets its name when the log is on the disk up to it, and was there before us.
      if (log.end().next_offset <= folded.snapshot_offset)
        return behind_snapshot(*source.snapshot, log.end().next_offset - 1);
      break;
    }
    if (step == log::LogReader::Step::kSegment) {
      if (source.snapshot && log.segment().database != folded.database)
        return Error(Code::kWalIoError,
                     log.path() + " belongs to another database than the snapshot")
            .with("code", "FOREIGN_SNAPSHOT")
            .with("file", log.path())
            .with("byte", int64_t{16});
      folded.database = log.segment().database;
      continue;
    }
    RSTMDB_TRY(folded.fold.add_group(log, until));
    RSTMDB_TRY(progress.at(log.bytes_done()));
    if (folded.fold.state().last_offset() >= until) break;
  }
  progress.end();
  if (!log.segments().empty()) {
    const log::Offset first = log.segments().front().first_offset;
    if (log.end().next_offset > first) folded.oldest_offset = first;
  }
  folded.tail = log.tail();
  return folded;
}

}  // namespace rstmdb::admin
