// The folder of a database's snapshots: `<data_dir>/snapshots`.
//
//   <offset, 20 digits>.snap       whole, verified, durable: what a start reads
//   new-snapshot.tmp               being written; removed by the next start
//   <offset, 20 digits>.snap.damaged   found damaged by a start and kept as evidence
//
// A snapshot gets its name only after it has been synced, read back and found right, and counts
// only once the folder is synced. The one before it stays, with the log from there on, as a second
// way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"

namespace rstmdb::snapshot {

/// A snapshot by its name alone.
struct Stored {
  uint64_t offset = 0;
  std::string path;
};

/// Plain blocking calls without state of their own; any thread. Only list() may be called without
/// holding the database's lock. All fail with kWalIoError like io::FileSystem.
class Folder {
 public:
  Folder(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  /// The named snapshots, oldest first; none when there is no folder. Fails with
  /// code=SNAPSHOT_DAMAGED for a .snap whose name is none.
  Result<std::vector<Stored>> list() const;

  /// Makes the folder when it is missing, and removes what an unfinished attempt has left.
  Result<void> prepare() const;

  const std::string& path() const { return path_; }
  std::string draft_path() const;
  std::string path_of(uint64_t offset) const;
  io::FileSystem& files() const { return files_; }

  /// Gives the draft, which is on disk and has been verified, its name, durably.
  Result<void> publish(uint64_t offset) const;
  /// Removes the draft if there is one.
  Result<void> discard_draft() const;
  /// Removes all but the newest limits::kSnapshotsKept and gives what is left, oldest first.
  Result<std::vector<Stored>> prune() const;
  /// Renames a damaged snapshot so that no start looks at it again; gives its new path.
  Result<std::string> set_aside(const Stored& stored) const;

 private:
  io::FileSystem& files_;
  std::string path_;
};

}  // namespace rstmdb::snapshot
