// The readable side of a segment log: which segments there are, how far each may be read, and where
// in them an offset is found. The log adds what it commits, cursors look things up.
//
// A segment that is trimmed while a cursor still has it ahead is *retired*: its file is opened
// before it is unlinked and stays open until no cursor needs it. Everything runs on the loop's
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/segment_format.h"

namespace rstmdb::log {

struct Segment {
  struct Mark {
    Offset first_offset = 0;
    uint64_t at = 0;  // byte of the group that begins with this offset
  };
  uint64_t number = 0;
  std::string path;
  Offset first_offset = 0;             // of its first record, also when it has none yet
  uint64_t end = kSegmentHeaderBytes;  // committed bytes
  std::vector<Mark> marks;             // sparse, ascending: one group in each kMarkBytes
  std::shared_ptr<io::File> file;      // only once retired; cursors share it

  /// Enters a committed group of units or a mark (which has no records).
  void add_group(Offset first, uint64_t at, uint64_t group_end);
};

class Shelf {
 public:
  Shelf(io::FileSystem& files, uint32_t seed) : files_(files), seed_(seed) {}

  void add_segment(Segment segment);
  Segment& last_segment() { return segments_.rbegin()->second; }
  void set_committed(Offset offset) { committed_ = offset; }

  Offset committed() const { return committed_; }
  uint32_t seed() const { return seed_; }
  /// First offset that can still be read (or will be, when the log is empty).
  Offset oldest() const { return segments_.begin()->second.first_offset; }
  size_t segment_count() const { return segments_.size(); }
  uint64_t total_bytes() const { return total_bytes_; }
  void count_bytes(uint64_t added) { total_bytes_ += added; }

  /// The oldest segment when all its records lie before `keep_from`, otherwise nullptr. Never the
  /// last one.
  const Segment* trimmable(Offset keep_from) const;
  /// Before its unlinking: keeps the oldest segment's file open if a cursor will want it.
  Result<void> pin_oldest();
  /// After its unlinking.
  void drop_oldest();

  // For cursors. A cursor at segment n may read n and everything after it.
  uint64_t enter(Offset offset);      // number of the segment that holds `offset`
  void leave(uint64_t number);        // the cursor is gone
  uint64_t advance(uint64_t number);  // the cursor goes on to the segment after it; 0: none
  /// The cursor goes on from `number` to the segment that holds the committed `offset`, live or
  /// retired.
  uint64_t seek(uint64_t number, Offset offset);
  /// The cursor goes back from `number` to the segment that holds `offset`, which is not below
  /// oldest().
  uint64_t seek_back(uint64_t number, Offset offset);
  const Segment& segment(uint64_t number) const;
  Result<std::shared_ptr<io::File>> open(uint64_t number);

  uint64_t reads = 0;  // by all cursors, for Stats
  uint64_t bytes_read = 0;

 private:
  const Segment* find(uint64_t number) const;
  void forget_unneeded();

  io::FileSystem& files_;
  uint32_t seed_;
  Offset committed_ = 0;
  uint64_t total_bytes_ = 0;
  std::map<uint64_t, Segment> segments_;  // by number
  std::map<uint64_t, Segment> retired_;   // trimmed, still ahead of a cursor
  std::multiset<uint64_t> cursors_;       // the segment that each cursor is in
};

}  // namespace rstmdb::log
