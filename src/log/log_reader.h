// Reads a log folder as it stands, changes nothing and takes no lock: a server may be running on
// it, appending, beginning segments, trimming old ones and zeroing the next.
//
// What makes that safe: a segment only grows, and is whole before the next one has its name; a
// deleted file stays readable once it is open, so all are opened first. What looks wrong at the end
// of the last segment may just have been half written while it was read; it counts only when it is
// still so on a second look.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/segment_scan.h"

namespace rstmdb::log {

/// One thread at a time. Errors are kWalIoError, as recover() gives them.
class LogReader {
 public:
  enum class Step {
    kSegment,  // a segment has begun
    kGroup,    // a group of units, or the mark of an opening
    kEnd,      // the last whole group has been given
  };
  struct Segment {
    Offset first_offset = 0;
    std::shared_ptr<io::File> file;
    uint64_t size = 0;  // when it was opened
  };
  /// What stands behind the last whole group.
  struct Tail {
    bool closed = false;         // the mark of a clean end
    uint64_t unknown_bytes = 0;  // a flush under way, or one that a crash cut short
  };

  /// Opens the segment that holds `from` and all after it; with `from` = 0 all that there are.
  static Result<LogReader> open(io::FileSystem& files, std::string folder, Offset from);
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  /// The next step. After an error, skip_segment() is the way on.
  Result<Step> next();
  /// Goes on with the segment behind the one that failed, as if the log began with it. False when
  /// there is none.
  bool skip_segment();

  const std::vector<Segment>& segments() const { return segments_; }
  /// Of all segments when they were opened; the last one may have zeros at its end.
  uint64_t total_bytes() const;
  /// Bytes of the segments that have been stepped over.
  uint64_t bytes_done() const;

  const SegmentHeader& segment() const { return scan_->segment(); }
  const std::string& path() const { return segments_[index_].file->path(); }
  const GroupHeader& group() const { return scan_->group(); }
  std::string_view group_body() const { return scan_->bytes().substr(kGroupHeaderBytes); }
  /// Byte of the group in its file.
  uint64_t group_at() const { return scan_->end().at - scan_->bytes().size(); }
  /// The bytes of the segment header or of the group, until the next step.
  std::string_view bytes() const { return scan_->bytes(); }
  const LogEnd& end() const { return scan_->end(); }
  const Tail& tail() const { return tail_; }

 private:
  LogReader() : scan_(std::make_unique<SegmentScan>()) {}
  static Result<std::vector<Offset>> settled_names(io::FileSystem& files,
                                                   const std::string& folder);
  bool last() const { return index_ + 1 == segments_.size(); }
  Result<Step> begin_segment();
  Result<Step> look_again();
  Result<Step> judge_tail();

  std::vector<Segment> segments_;
  std::unique_ptr<SegmentScan> scan_;  // in one place, since its views point into it
  size_t index_ = 0;
  bool begun_ = false;
  bool at_end_ = false;
  uint64_t bytes_before_ = 0;  // of the segments before this one
  Tail tail_;
};

}  // namespace rstmdb::log
