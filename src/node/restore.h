// Where a start begins: with the newest snapshot that is right and that the log goes on from.
//
// A damaged snapshot is never a reason to lose anything: it is reported, kept under another name,
// and the one before it is used, or the whole log. When nothing leads from the beginning to the end
// of the log without a gap, there is no start.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "io/clock.h"
#include "log/log.h"
#include "node/node.h"
#include "snapshot/folder.h"
#include "snapshot/reader.h"

namespace rstmdb::node {

struct LoadProgress {
  snapshot::ReadProgress read;
  int64_t elapsed_ms = 0;
};

/// A snapshot that was found damaged.
struct Damaged {
  snapshot::Stored stored;
  Error error;
  std::string kept_as;  // its new path
};

struct Restored {
  std::optional<Start> start;          // none: the log begins at the beginning
  std::vector<snapshot::Stored> kept;  // right, or not looked at, oldest first
  std::vector<Damaged> damaged;
  uint64_t file_bytes = 0;  // of the snapshot that was loaded
  int64_t elapsed_ms = 0;
};

/// How long a start took, and for what.
struct StartStats {
  uint64_t snapshot_bytes = 0;  // loaded; 0: none
  int64_t snapshot_ms = 0;
  ReplayProgress replay;  // the whole of it
};

struct RestoreOptions {
  const snapshot::Folder& folder;  // its database is locked by the caller
  snapshot::DatabaseId database;
  log::Log& log;
  io::Clock& clock;
  uint64_t hash_seed;
  io::Ahead ahead = io::Ahead::kInline;  // where the file is read while the state is built
  std::function<void(const LoadProgress&)> progress = {};  // about once a second, and at the end
};

/// Fails with kWalIoError and details code, file: SNAPSHOT_FOREIGN (of another database),
/// SNAPSHOT_UNKNOWN_VERSION, LOG_BEHIND_SNAPSHOT (the log ends before the snapshot: its end is
/// lost), NO_WAY_TO_STATE (the log does not begin at the beginning, and no snapshot leads to where
/// it does; oldest_offset), or the file system's call.
Result<Restored> restore(const RestoreOptions& options);

}  // namespace rstmdb::node
