// A data folder, or a backup that looks like one: where its files are, and what its newest good
// snapshot and the log behind it add up to. Nothing is changed and no lock is taken, so a server
// may be running on it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/fold.h"
#include "admin/progress.h"
#include "io/file_system.h"
#include "log/log_reader.h"
#include "snapshot/folder.h"
#include "snapshot/reader.h"

namespace rstmdb::admin {

/// A log has lost its end: a whole snapshot is of a record that it does not have.
inline constexpr std::string_view kLogBehindSnapshot = "LOG_BEHIND_SNAPSHOT";
/// There are snapshots, and no log.
inline constexpr std::string_view kLogMissing = "LOG_MISSING";
/// The log begins behind record 1, and no usable snapshot leads up to it.
inline constexpr std::string_view kNoWayIn = "NO_WAY_IN";

/// 32 hex digits.
std::string hex(const log::DatabaseId& id);

std::string log_folder(const std::string& data_folder);
std::string snapshot_folder(const std::string& data_folder);

/// snapshot::verify(); under the name of another offset it is damaged, as for a start.
Result<snapshot::Verified> verify_snapshot(io::FileSystem& files, const snapshot::Stored& stored,
                                           const snapshot::OnProgress& progress);

/// A state's beginning: a snapshot and the open log from there on, or the log alone.
struct Source {
  std::optional<snapshot::Stored> snapshot;
  std::unique_ptr<io::File> snapshot_file;  // when there is one
  std::optional<log::LogReader> log;
  /// Newer snapshots that cannot be used, each with its reason.
  std::vector<Error> passed_over;
};

/// Finds the newest snapshot that is whole and not behind `until`, and opens all that is needed
/// behind it: from then on a server that compacts takes nothing away. Reads the whole snapshot.
/// Fails with kWalIoError, detail code=kNoWayIn or kLogMissing.
Result<Source> open_source(io::FileSystem& files, const std::string& data_folder, log::Offset until,
                           Progress& progress);

struct Folded {
  Fold fold;
  log::DatabaseId database{};
  log::Offset oldest_offset = 0;    // first record in the part of the log that was read, 0: none
  log::Offset snapshot_offset = 0;  // 0: no snapshot
  log::LogReader::Tail tail;
  std::vector<Error> passed_over;
};

/// Folds up to the record `until`, or the log's last one if that comes first. A snapshot that is
/// whole and does not load is passed over, as by a start. Fails with kWalIoError, detail
/// code=kLogBehindSnapshot, when the log ends before the snapshot.
Result<Folded> fold_folder(io::FileSystem& files, const std::string& data_folder, log::Offset until,
                           Progress& progress);

}  // namespace rstmdb::admin
