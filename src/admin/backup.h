// `rstmdb backup` and `rstmdb restore`: a data folder to one file while a server may be writing to
// it, and back.
#pragma once

#include <string>
#include <vector>

#include "admin/backup_reader.h"
#include "admin/progress.h"
#include "io/clock.h"
#include "io/file_system.h"

namespace rstmdb::admin {

struct BackupOptions {
  io::FileSystem& files;
  io::Clock& clock;
  std::string data_folder;
  std::string path;  // must not exist, nor `path`.partial
  Progress& progress;
};

/// What a backup holds, after everything in it has been read back and folded.
struct BackupReport {
  std::string path;
  log::DatabaseId database{};
  int64_t made_at_ms = 0;
  BackupSummary summary;
  uint64_t entries = 0;
  uint64_t file_bytes = 0;
  log::Offset snapshot_offset = 0;  // 0: the log alone
  std::vector<Error> passed_over;   // newer snapshots that are damaged
};

/// Copies the newest good snapshot and the log behind it, up to its last whole group, and folds
/// what it has written. Nothing is left behind after an error. kConflict when the path is taken.
Result<BackupReport> backup(const BackupOptions& options);

struct VerifyOptions {
  io::FileSystem& files;
  std::string path;
  Progress& progress;
};

/// Reads a backup, folds it, and compares with what its trailer says. Errors are those of
/// read_backup(), and kBadRequest with code=BACKUP_DAMAGED when it folds to something else.
Result<BackupReport> verify_backup(const VerifyOptions& options);

struct RestoreOptions {
  io::FileSystem& files;
  std::string path;
  std::string data_folder;  // must not exist or be empty; its parent is there
  Progress& progress;
};

/// Unpacks a backup beside `data_folder`, checks and folds what is there, and gives it its name.
/// Nothing is left behind after an error. kConflict when the folder holds something.
Result<BackupReport> restore(const RestoreOptions& options);

std::string to_text(const BackupReport& report);
std::string to_json(const BackupReport& report);

}  // namespace rstmdb::admin
