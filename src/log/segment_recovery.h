// Reads a log folder from its first byte to its last and finds where the log ends.
//
// Bytes that are not a whole group, in its place, are either *torn* (a flush that the crash cut
// short: nothing in it was ever promised) or *damage*. They are torn only at the very end of the
// last segment, when no group behind them says that this place was on disk already. Damage is
// never repaired or skipped: the log refuses to open and names file and byte.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "io/read_ahead.h"
#include "log/segment_shelf.h"
#include "log/segment_writer.h"

namespace rstmdb::log {

struct RecoveryProgress {
  uint64_t segments_done = 0;
  uint64_t segments_total = 0;
  uint64_t bytes_done = 0;
  Offset latest_offset = 0;
};

/// What opening a log has found.
struct Recovery {
  bool created = false;      // there was no log; there is one now
  bool clean_close = false;  // the log ended with the mark of a clean end
  uint64_t segments = 0;
  uint64_t groups = 0;
  uint64_t torn_bytes = 0;  // cut off at the end, zeros behind the last written byte not counted
  std::string torn_file;    // where, "" when nothing was cut
  uint64_t torn_byte = 0;   // first byte cut
  std::string torn_copy;    // the file that keeps the bytes cut
};

struct Recovered {
  Recovery report;
  std::vector<Segment> segments;        // empty: no log here
  LogEnd end;                           // where the next group goes
  std::unique_ptr<io::File> last_file;  // open for writing, everything before `end` on disk
};

/// Recovers the log in `folder`, whose lock the caller holds: cuts a torn tail (its bytes are saved
/// beside it first) or the mark of a clean end, and leaves everything up to `end` on disk. Fails
/// with kWalIoError: details code=LOG_DAMAGED or LOG_UNKNOWN_VERSION, file, byte; or the failed
/// call. `progress` is called after each segment. `ahead`: where finished segments are read.
Result<Recovered> recover(io::FileSystem& files, const std::string& folder,
                          const std::function<void(const RecoveryProgress&)>& progress,
                          io::Ahead ahead);

}  // namespace rstmdb::log
