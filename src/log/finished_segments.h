// The segments of a log that have a successor, read from first to last byte: by two threads of
// their own, or, in a simulation, one by one when they are asked for. Each is read as if the log
// began with it, which needs nothing of the one before; whether they follow each other is for
// whoever takes them, in their order (SegmentScan::follow).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "io/read_ahead.h"
#include "log/segment_scan.h"
#include "log/segment_shelf.h"

namespace rstmdb::log {

struct FinishedSegment {
  Segment segment;
  uint64_t groups = 0;
  std::optional<SegmentHeader> header;  // when it could be read
  LogEnd end;
  bool closed = false;         // ends with the mark of a clean end
  std::optional<Error> error;  // as far as it was read
};

class FinishedSegments {
 public:
  /// `names` are their first offsets, ascending.
  FinishedSegments(io::FileSystem& files, const std::string& folder,
                   const std::vector<Offset>& names, io::Ahead how);

  /// The next segment, until the next call; as often as there are names.
  FinishedSegment& next();

 private:
  /// Reads each second segment.
  struct Lane {
    bool read_next(FinishedSegment& into);
    io::FileSystem* files;
    std::string folder;
    std::vector<Offset> names;
    size_t taken = 0;
    SegmentScan scan{};
  };
  static constexpr size_t kLanes = 2;
  std::array<Lane, kLanes> lanes_;
  std::array<std::unique_ptr<io::ReadAhead<FinishedSegment>>, kLanes>
      ahead_;  // behind what it uses
  size_t taken_ = 0;
};

}  // namespace rstmdb::log
