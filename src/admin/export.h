// `rstmdb export` and `rstmdb import`: a state as lines of JSON, and a new data folder from such
// lines. docs/backup.md describes the lines.
//
// An export holds everything that the state is, numbers with their text, and its hash, so an import
// is known to be the same state. The lines that a person writes may leave out what a person cannot
// know.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "admin/check.h"
#include "admin/progress.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/random.h"

namespace rstmdb::admin {

/// Takes the bytes of whole lines.
using LineSink = std::function<Result<void>(std::string_view)>;
/// Gives the next bytes of the lines; none at their end.
using LineSource = std::function<Result<size_t>(std::span<char>)>;

struct StateReport {
  log::DatabaseId database{};
  StateCounts counts;
};

struct ExportOptions {
  io::FileSystem& files;
  std::string data_folder;  // or a backup, through BackupFiles
  std::string version;      // of the program, for the header line
  Progress& progress;
};

/// Folds the folder as it is now and writes its state. A server may be running on it.
Result<StateReport> export_lines(const ExportOptions& options, const LineSink& sink);

struct ImportOptions {
  io::FileSystem& files;
  io::Clock& clock;
  io::Random& random;
  std::string data_folder;  // must not exist or be empty; its parent is there
  Progress& progress;
};

/// Makes a data folder that holds a snapshot of the lines' state and an empty log behind it, under
/// a new database id. Fails with kBadRequest, details line and column (1-based) and reason, for the
/// first line that cannot be taken; with code=STATE_DIFFERS when the lines add up to another state
/// than their last one says. Nothing is left behind after an error.
Result<StateReport> import_lines(const ImportOptions& options, const LineSource& source);

std::string to_text(const StateReport& report);
std::string to_json(const StateReport& report);

}  // namespace rstmdb::admin
