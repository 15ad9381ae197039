// `rstmdb check`: reads everything that a data folder (or a backup) holds, changes nothing, and
// says what is wrong and where.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "admin/data_folder.h"
#include "admin/progress.h"
#include "io/file_system.h"

namespace rstmdb::admin {

struct CheckFault {
  std::string file;
  std::optional<uint64_t> byte;
  std::optional<log::Offset> offset;
  std::string code;
  std::string what;
};

struct CheckedSnapshot {
  log::Offset offset = 0;
  std::string file;
  uint64_t bytes = 0;
  bool good = false;
  bool same_as_log = false;  // the fold of the log from record 1 has the same hash at its offset
};

struct StateCounts {
  log::Offset offset = 0;
  int64_t last_ts = 0;
  Hash128 hash;
  uint64_t machines = 0;
  uint64_t versions = 0;
  uint64_t instances = 0;   // that are not deleted
  uint64_t tombstones = 0;  // deleted ones, whose ids stay taken
  uint64_t keys = 0;
};

StateCounts count_state(const engine::State& state);

struct CheckReport {
  static constexpr size_t kKinds = 16;
  std::string folder;
  std::vector<CheckFault> faults;
  // The log.
  log::DatabaseId database{};
  uint64_t segments = 0;
  uint64_t groups = 0;
  uint64_t log_bytes = 0;  // up to the last whole group
  uint64_t records = 0;    // that could be read
  std::array<uint64_t, kKinds> records_by_kind{};
  log::Offset oldest_offset = 0;  // 0: none
  log::Offset newest_offset = 0;
  log::Offset readable_up_to = 0;  // with a fault in the log: the last record before it, 0: none
  log::LogReader::Tail tail;
  std::string tail_file;
  uint64_t tail_byte = 0;
  // The snapshots, oldest first.
  std::vector<CheckedSnapshot> snapshots;
  // The state, at the end or at the offset asked for; nullopt when it cannot be had.
  std::optional<StateCounts> state;
  bool folded_from_first = false;     // record 1 is there, so the fold needed no snapshot
  bool folded_from_snapshot = false;  // from the newest good one; if both are set, the same state
  std::string start;                  // what a server would do

  bool good() const { return faults.empty(); }
};

struct CheckOptions {
  io::FileSystem& files;
  std::string folder;
  std::optional<log::Offset> at;  // where to take the state
  Progress& progress;
};

/// Fails only when the folder cannot be listed, on an interruption, or when the state is asked for
/// at an offset that cannot be reached (kNotFound); everything else is in the report.
Result<CheckReport> check(const CheckOptions& options);

std::string to_text(const CheckReport& report);
std::string to_json(const CheckReport& report);

}  // namespace rstmdb::admin
