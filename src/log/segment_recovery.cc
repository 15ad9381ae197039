#include "log/segment_recovery.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/limits.h"
#include "log/damage.h"
#include "log/file_window.h"
#include "log/torn_tail.h"

namespace rstmdb::log {
namespace {

constexpr size_t kReadBytes = 1024 * 1024;

/// Numbers beyond this are never written; refusing them keeps sums from overflowing.
bool in_range(uint64_t number) { return number >= 1 && number <= limits::kOffsetMax; }

class Scan {
 public:
  Scan(io::FileSystem& files, const std::string& folder) : files_(files), folder_(folder) {}

  Result<Recovered> run(const std::function<void(const RecoveryProgress&)>& progress) {
    RSTMDB_ASSIGN(const std::vector<Offset> names, find_segments());
    for (size_t i = 0; i < names.size(); ++i) {
      last_ = i + 1 == names.size();
      RSTMDB_TRY(scan_segment(names[i]));
      if (progress)
        progress({.segments_done = i + 1,
                  .segments_total = names.size(),
                  .bytes_done = bytes_done_,
                  .latest_offset = found_.end.next_offset - 1});
    }
    found_.report.segments = names.size();
    if (names.empty()) return std::move(found_);
    RSTMDB_TRY(settle());
    return std::move(found_);
  }

 private:
  enum class Found { kGroup, kNoGroup };

  /// First offsets of the segments, ascending. Drafts of segments are removed.
  Result<std::vector<Offset>> find_segments() {
    RSTMDB_ASSIGN(const std::vector<std::string> names, files_.list(folder_));
    std::vector<Offset> found;
    for (const std::string& name : names) {
      if (name == kNewSegmentName || name == kPreparedSegmentName)
        RSTMDB_TRY(files_.remove(folder_ + "/" + name));
      if (!name.ends_with(".seg")) continue;
      const auto offset = parse_segment_name(name);
      if (!offset) return log_damaged(folder_ + "/" + name, 0, "not the name of a segment");
      found.push_back(*offset);
    }
    std::ranges::sort(found);
    return found;
  }

  Result<void> scan_segment(Offset named) {
    path_ = folder_ + "/" + segment_name(named);
    if (closed_) return log_damaged(path_, 0, "a segment behind the mark of a clean end");
    using Open = io::FileSystem::Open;
    RSTMDB_ASSIGN(file_, files_.open(path_, last_ ? Open::kReadWrite : Open::kRead));
    RSTMDB_ASSIGN(size_, file_->size());
    window_.look_at(*file_);
    RSTMDB_TRY(scan_segment_header(named));
    while (at_ < size_) {
      if (closed_) return log_damaged(path_, at_, "bytes behind the mark of a clean end");
      RSTMDB_ASSIGN(const Found found, scan_group());
      if (found == Found::kGroup) continue;
      if (!last_) return log_damaged(path_, at_, std::string(why_) + ", in a finished segment");
      RSTMDB_ASSIGN(tail_, read_tail(*file_, at_, size_, seed_, found_.end.next_group));
      if (tail_.later_group != 0)
        return log_damaged(path_, at_,
                           std::string(why_) + ", but group " + std::to_string(tail_.later_group) +
                               " behind it says that this place was on disk");
      break;
    }
    bytes_done_ += at_;
    found_.end.at = at_;
    return {};
  }

  Result<void> scan_segment_header(Offset named) {
    RSTMDB_ASSIGN(const std::string_view bytes, window_.fetch(0, kSegmentHeaderBytes, size_));
    if (bytes.size() < kSegmentHeaderBytes)
      return log_damaged(path_, bytes.size(), "the file ends inside the segment header");
    SegmentHeader header;
    uint32_t crc = 0;
    switch (decode(bytes, header, crc)) {
      case HeaderState::kValid:
        break;
      case HeaderState::kDamaged:
        return log_damaged(path_, 0, "the segment header is not one, or its checksum is wrong");
      case HeaderState::kUnknown:
        return log_unknown_version(path_, 0);
    }
    if (!in_range(header.number) || !in_range(header.first_offset) || !in_range(header.first_group))
      return log_damaged(path_, 32, "the segment header has a number beyond the bounds");
    if (found_.segments.empty()) {
      found_.end.database = header.database;
      found_.end.next_offset = header.first_offset;
      found_.end.next_group = header.first_group;
      seed_ = group_seed(header.database);
    } else {
      RSTMDB_TRY(expect_successor(header));
    }
    if (header.first_offset != named)
      return log_damaged(path_, 40, "the segment has another offset than its name");
    found_.end.segment_number = header.number;
    found_.end.chain = crc;
    at_ = kSegmentHeaderBytes;
    Segment segment;
    segment.number = header.number;
    segment.path = path_;
    segment.first_offset = header.first_offset;
    found_.segments.push_back(std::move(segment));
    return {};
  }

  /// That the segment is the one that follows what has been read.
  Result<void> expect_successor(const SegmentHeader& header) const {
    const LogEnd& end = found_.end;
    if (header.database != end.database)
      return log_damaged(path_, 16, "the segment belongs to another database");
    if (header.number != end.segment_number + 1)
      return log_damaged(path_, 32,
                         "segment " + std::to_string(header.number) + " follows segment " +
                             std::to_string(end.segment_number));
    if (header.first_offset != end.next_offset)
      return log_damaged(path_, 40, "the segment does not begin where the one before it ends");
    if (header.first_group != end.next_group || header.chain != end.chain)
      return log_damaged(path_, 48, "the segment does not continue the one before it");
    return {};
  }

  /// Reads the group at at_ and steps over it. kNoGroup: what stands there is none; why_ says so.
  Result<Found> scan_group() {
    const auto none = [this](std::string_view why) {
      why_ = why;
      return Found::kNoGroup;
    };
    RSTMDB_ASSIGN(std::string_view bytes, window_.fetch(at_, kGroupHeaderBytes, size_));
    if (bytes.size() < kGroupHeaderBytes) return none("the file ends inside a group header");
    GroupHeader header;
    uint32_t crc = 0;
    switch (decode(bytes, seed_, header, crc)) {
      case HeaderState::kValid:
        break;
      case HeaderState::kDamaged:
        return none("no group header, or its checksum is wrong");
      case HeaderState::kUnknown:
        return log_unknown_version(path_, at_);
    }
    const LogEnd& end = found_.end;
    if (header.number != end.next_group || header.first_offset != end.next_offset ||
        header.chain != end.chain || header.durable_group >= header.number ||
        !in_range(header.first_offset + header.record_count))
      return log_damaged(path_, at_, "the group does not follow the one before it");
    const uint64_t body = at_ + kGroupHeaderBytes;
    if (header.body_bytes > size_ - body) return none("the file ends inside a group");
    RSTMDB_ASSIGN(bytes, window_.fetch(body, header.body_bytes, size_));
    if (bytes.size() < header.body_bytes) return none("the file ends inside a group");
    if (crc32c(bytes) != header.body_crc) return none("a group's checksum is wrong");
    if (!units_add_up(bytes, header))
      return log_damaged(path_, at_, "a group's units do not add up");
    step_over(header, crc);
    return Found::kGroup;
  }

  static bool units_add_up(std::string_view body, const GroupHeader& header) {
    uint64_t records = 0;
    uint64_t units = 0;
    while (body.size() >= kUnitHeaderBytes) {
      const UnitHeader unit = decode_unit_header(body);
      const uint64_t size = kUnitHeaderBytes + uint64_t{unit.bytes};
      if (unit.record_count == 0 || size > body.size()) return false;
      records += unit.record_count;
      ++units;
      body.remove_prefix(size);
    }
    const bool mark = header.kind != GroupKind::kUnits;
    return body.empty() && records == header.record_count && units == header.unit_count &&
           mark == (units == 0);
  }

  void step_over(const GroupHeader& header, uint32_t crc) {
    LogEnd& end = found_.end;
    if (header.kind == GroupKind::kClosed) {
      closed_ = true;
      at_ += kGroupHeaderBytes;
      return;  // the mark will be cut off, so it does not count as part of the log
    }
    const uint64_t behind = at_ + kGroupHeaderBytes + header.body_bytes;
    found_.segments.back().add_group(header.first_offset, at_, behind);
    at_ = behind;
    end.next_group += 1;
    end.next_offset += header.record_count;
    end.chain = crc;
    found_.report.groups += 1;
  }

  /// Cuts what does not belong to the log off its end. Whatever remains is on disk afterwards, also
  /// what a killed process had left to the kernel.
  Result<void> settle() {
    found_.report.clean_close = closed_;
    uint64_t end = found_.end.at;
    if (closed_) end -= kGroupHeaderBytes;
    if (tail_.written_bytes != 0) {
      Recovery& report = found_.report;
      RSTMDB_ASSIGN(report.torn_copy, save_tail(files_, folder_, *file_, end, tail_.written_bytes));
      report.torn_bytes = tail_.written_bytes;
      report.torn_file = path_;
      report.torn_byte = end;
    }
    found_.end.at = end;
    if (end < size_) RSTMDB_TRY(file_->truncate(end));
    RSTMDB_TRY(file_->sync());
    RSTMDB_TRY(files_.sync_folder(folder_));
    found_.last_file = std::move(file_);
    return {};
  }

  io::FileSystem& files_;
  const std::string& folder_;
  Recovered found_;
  FileWindow window_{kReadBytes};
  uint64_t bytes_done_ = 0;
  uint32_t seed_ = 0;
  bool closed_ = false;
  TornTail tail_;
  // The segment being read.
  bool last_ = false;
  std::string path_;
  std::unique_ptr<io::File> file_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;
  std::string_view why_;
};

}  // namespace

Result<Recovered> recover(io::FileSystem& files, const std::string& folder,
                          const std::function<void(const RecoveryProgress&)>& progress) {
  return Scan(files, folder).run(progress);
}

}  // namespace rstmdb::log
