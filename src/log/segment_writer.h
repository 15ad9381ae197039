// The writing end of a segment log: one open file, groups behind one another, a new file when one
// is full. Plain blocking calls without threads or timers; SegmentLog decides when and on which
// thread they run.
//
// Order that must hold: a segment is wholly on disk before the next one gets its name; the next one
// has its header on disk before it gets its name; the folder is synced before the first group goes
// into it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_system.h"
#include "log/segment_format.h"

namespace rstmdb::log {

inline constexpr std::string_view kNewSegmentName = "new-segment.tmp";

/// A group on its way to the file. `bytes` begins with kGroupHeaderBytes bytes left free.
struct Group {
  GroupKind kind = GroupKind::kUnits;
  std::string bytes = std::string(kGroupHeaderBytes, '\0');
  uint32_t record_count = 0;
  uint32_t unit_count = 0;
};

/// One thread at a time, any thread.
class SegmentWriter {
 public:
  struct Counters {
    uint64_t writes = 0;
    uint64_t bytes_written = 0;
    uint64_t syncs = 0;
  };
  /// Where a group has gone.
  struct Written {
    uint64_t segment_number = 0;
    std::string path;
    Offset segment_first_offset = 0;
    uint64_t at = 0;            // byte of the group
    uint64_t end = 0;           // byte behind it
    uint64_t zeroed_bytes = 0;  // zeros, on disk, that follow it in the file
  };

  /// Begins a new log in `folder`, which holds no segment: its first segment is on disk afterwards.
  /// The log of a state that came from elsewhere begins behind that state's offset.
  static Result<std::unique_ptr<SegmentWriter>> create(io::FileSystem& files, std::string folder,
                                                       uint64_t segment_bytes,
                                                       const DatabaseId& database,
                                                       Offset first_offset = 1);
  /// Goes on with `file`, which ends at `end` and is on disk.
  static std::unique_ptr<SegmentWriter> resume(io::FileSystem& files, std::string folder,
                                               uint64_t segment_bytes, const LogEnd& end,
                                               std::unique_ptr<io::File> file,
                                               Offset segment_first_offset);

  /// Writes `group` (its header is filled in here), in a new segment when this one is full. After
  /// an error nothing but the destructor may be called. A write that failed is cut off again and
  /// the rest synced if the disk still allows it, so that the file ends with a whole group.
  Result<Written> write(Group& group);
  /// Makes every written group durable.
  Result<void> sync();
  /// Fails (code = FILE_GONE) when somebody else has taken the file away from its path: the next
  /// start would not find what has been written. Asked before anything is acknowledged; costs two
  /// looks at metadata in memory.
  Result<void> check_file();
  /// Everything on disk, then the mark of a clean end and the note of it (log/end_note.h), on disk
  /// too.
  Result<void> close();

  /// Takes a file of zeros, on disk and named kPreparedSegmentName, to be the next segment. One
  /// without zeros of its own is left for it at once.
  void set_prepared(std::unique_ptr<io::File> file) { prepared_ = std::move(file); }

  const Counters& counters() const { return counters_; }
  const LogEnd& end() const { return end_; }
  const DatabaseId& database() const { return end_.database; }
  const std::string& path() const { return file_->path(); }
  Offset segment_first_offset() const { return segment_first_offset_; }

 private:
  SegmentWriter(io::FileSystem& files, std::string folder, uint64_t segment_bytes);
  bool rotation_is_due(const Group& group) const;
  Result<void> rotate();
  Result<void> begin_segment(uint64_t number, uint32_t chain);
  void fill_page(std::string& bytes) const;
  Result<void> cut_zero_tail();
  void cut_failed_write();

  io::FileSystem& files_;
  std::string folder_;
  uint64_t segment_bytes_;
  uint32_t seed_ = 0;
  LogEnd end_;
  std::unique_ptr<io::File> file_;
  Offset segment_first_offset_ = 1;
  uint64_t durable_group_ = 0;
  uint64_t zeros_until_ = 0;  // the file is zero from end_.at to here
  std::unique_ptr<io::File> prepared_;
  Counters counters_;
};

inline constexpr std::string_view kPreparedSegmentName = "prepared-segment.tmp";

}  // namespace rstmdb::log
