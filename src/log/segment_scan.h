// Follows the segments of a log, group by group, and checks that each is whole and follows what
// stands before it. Only reads; both the recovery of a log and readers beside a running server use
// it, so there is one opinion about what a log is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/file_window.h"
#include "log/segment_format.h"

namespace rstmdb::log {

/// The segments among a folder's entries: first offsets, ascending. Fails as damage when a name
/// only looks like a segment's.
Result<std::vector<Offset>> segments_among(const std::string& folder,
                                           const std::vector<std::string>& names);

/// One thread at a time. Errors are kWalIoError: log_damaged() or log_unknown_version(), or a call
/// that failed.
class SegmentScan {
 public:
  enum class Found {
    kGroup,    // a group of units, or the mark of an opening
    kClosed,   // the mark of a clean end; nothing may follow it
    kNoGroup,  // what stands here is no whole group; why() says what it lacks
  };

  /// Goes on with `file`, which is named for `named` and which the caller keeps open. The first
  /// segment says what must follow; every later one must be its successor.
  Result<void> begin(io::File& file, Offset named, uint64_t size);
  /// Goes on behind a segment that another scan has read to its end as if the log began with it:
  /// its header, and that scan's end() and closed().
  Result<void> follow(const std::string& path, const SegmentHeader& header, const LogEnd& end,
                      bool closed);
  /// Reads what stands at end().at and steps over it, unless it is kNoGroup.
  Result<Found> next();
  /// Whether the segment has been read up to its size.
  bool at_end() const { return end_.at >= size_; }

  /// Forgets what was read ahead, and the mark of a clean end if it was the last thing read: a
  /// server that runs beside us may have put something else there.
  void refresh(uint64_t size);
  /// Takes the next segment as if the log began with it: for readers that look behind damage.
  void start_over() { started_ = closed_ = false; }

  const SegmentHeader& segment() const { return segment_; }
  /// Of the last begin(), also one that has failed: nothing when it could not be read.
  const std::optional<SegmentHeader>& header() const { return header_; }
  const GroupHeader& group() const { return group_; }  // after kGroup
  /// The bytes that begin() or next() has stepped over: a segment header, or a group with its
  /// header. Valid until the next call.
  std::string_view bytes() const { return bytes_; }
  const LogEnd& end() const { return end_; }
  uint64_t size() const { return size_; }
  uint32_t seed() const { return seed_; }
  bool closed() const { return closed_; }
  std::string_view why() const { return why_; }

 private:
  static constexpr size_t kReadBytes = 1024 * 1024;
  Result<void> expect_successor(const SegmentHeader& header, const std::string& path) const;
  void enter(const SegmentHeader& header);
  static bool units_add_up(std::string_view body, const GroupHeader& header);
  Error damaged(uint64_t byte, std::string_view what) const;
  Found none(std::string_view why) {
    why_ = why;
    return Found::kNoGroup;
  }

  FileWindow window_{kReadBytes};
  io::File* file_ = nullptr;
  uint64_t size_ = 0;
  uint32_t seed_ = 0;
  bool started_ = false;
  bool closed_ = false;
  LogEnd end_;
  SegmentHeader segment_;
  std::optional<SegmentHeader> header_;
  GroupHeader group_;
  std::string_view bytes_;
  std::string_view why_;
};

/// Calls `visit(const Unit&, uint64_t byte)` for each unit of a group's body, with the byte of the
/// unit's header within it, and passes on its first error. Each unit's own checksum is compared
/// before; `damaged(byte)` makes the error for a wrong one.
template <class Damaged, class Visit>
Result<void> for_each_unit(std::string_view body, const GroupHeader& header, Damaged damaged,
                           Visit visit) {
  Offset offset = header.first_offset;
  for (uint64_t at = 0; at < body.size();) {
    const UnitHeader unit = decode_unit_header(body.substr(at));
    const std::string_view bytes = body.substr(at, kUnitHeaderBytes + uint64_t{unit.bytes});
    if (!unit_intact(bytes)) return damaged(at);
    RSTMDB_TRY(visit(Unit{.first_offset = offset,
                          .record_count = unit.record_count,
                          .bytes = bytes.substr(kUnitHeaderBytes)},
                     at));
    offset += unit.record_count;
    at += bytes.size();
  }
  return {};
}

}  // namespace rstmdb::log
