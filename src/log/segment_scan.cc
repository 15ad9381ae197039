#include "log/segment_scan.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/limits.h"
#include "log/damage.h"

namespace rstmdb::log {
namespace {

/// Numbers beyond this are never written; refusing them keeps sums from overflowing.
bool in_range(uint64_t number) { return number >= 1 && number <= limits::kOffsetMax; }

constexpr std::string_view kBehindTheEnd = "a segment behind the mark of a clean end";

}  // namespace

Result<std::vector<Offset>> segments_among(const std::string& folder,
                                           const std::vector<std::string>& names) {
  std::vector<Offset> found;
  for (const std::string& name : names) {
    if (!name.ends_with(".seg")) continue;
    const auto offset = parse_segment_name(name);
    if (!offset) return log_damaged(folder + "/" + name, 0, "not the name of a segment");
    found.push_back(*offset);
  }
  std::ranges::sort(found);
  return found;
}

Result<void> SegmentScan::begin(io::File& file, Offset named, uint64_t size) {
  file_ = &file;
  size_ = size;
  window_.look_at(file);
  header_.reset();
  if (closed_) return damaged(0, kBehindTheEnd);
  RSTMDB_ASSIGN(bytes_, window_.fetch(0, kSegmentHeaderBytes, size_));
  if (bytes_.size() < kSegmentHeaderBytes)
    return damaged(bytes_.size(), "the file ends inside the segment header");
  SegmentHeader header;
  uint32_t crc = 0;
  switch (decode(bytes_, header, crc)) {
    case HeaderState::kValid:
      break;
    case HeaderState::kDamaged:
      return damaged(0, "the segment header is not one, or its checksum is wrong");
    case HeaderState::kUnknown:
      return log_unknown_version(file.path(), 0);
  }
  if (!in_range(header.number) || !in_range(header.first_offset) || !in_range(header.first_group))
    return damaged(32, "the segment header has a number beyond the bounds");
  header_ = header;
  if (started_) RSTMDB_TRY(expect_successor(header, file.path()));
  if (header.first_offset != named)
    return damaged(40, "the segment has another offset than its name");
  enter(header);
  end_.chain = crc;
  end_.at = kSegmentHeaderBytes;
  return {};
}

Result<void> SegmentScan::follow(const std::string& path, const SegmentHeader& header,
                                 const LogEnd& end, bool closed) {
  if (closed_) return log_damaged(path, 0, kBehindTheEnd);
  if (started_) RSTMDB_TRY(expect_successor(header, path));
  enter(header);
  end_ = end;
  closed_ = closed;
  return {};
}

void SegmentScan::enter(const SegmentHeader& header) {
  if (!std::exchange(started_, true)) {
    end_.database = header.database;
    end_.next_offset = header.first_offset;
    end_.next_group = header.first_group;
    seed_ = group_seed(header.database);
  }
  segment_ = header;
  end_.segment_number = header.number;
}

/// That the segment is the one that follows what has been read.
Result<void> SegmentScan::expect_successor(const SegmentHeader& header,
                                           const std::string& path) const {
  const auto damaged = [&path](uint64_t byte, std::string_view what) {
    return log_damaged(path, byte, what);
  };
  if (header.database != end_.database)
    return damaged(16, "the segment belongs to another database");
  if (header.number != end_.segment_number + 1)
    return damaged(32, "segment " + std::to_string(header.number) + " follows segment " +
                           std::to_string(end_.segment_number));
  if (header.first_offset != end_.next_offset)
    return damaged(40, "the segment does not begin where the one before it ends");
  if (header.first_group != end_.next_group || header.chain != end_.chain)
    return damaged(48, "the segment does not continue the one before it");
  return {};
}

Result<SegmentScan::Found> SegmentScan::next() {
  const uint64_t at = end_.at;
  if (closed_) return damaged(at, "bytes behind the mark of a clean end");
  RSTMDB_ASSIGN(std::string_view bytes, window_.fetch(at, kGroupHeaderBytes, size_));
  if (bytes.size() < kGroupHeaderBytes) return none("the file ends inside a group header");
  GroupHeader header;
  uint32_t crc = 0;
  switch (decode(bytes, seed_, header, crc)) {
    case HeaderState::kValid:
      break;
    case HeaderState::kDamaged:
      return none("no group header, or its checksum is wrong");
    case HeaderState::kUnknown:
      return log_unknown_version(file_->path(), at);
  }
  if (header.number != end_.next_group || header.first_offset != end_.next_offset ||
      header.chain != end_.chain || header.durable_group >= header.number ||
      !in_range(header.first_offset + header.record_count))
    return damaged(at, "the group does not follow the one before it");
  const size_t group_bytes = kGroupHeaderBytes + size_t{header.body_bytes};
  if (group_bytes > size_ - at) return none("the file ends inside a group");
  RSTMDB_ASSIGN(bytes, window_.fetch(at, group_bytes, size_));
  if (bytes.size() < group_bytes) return none("the file ends inside a group");
  const std::string_view body = bytes.substr(kGroupHeaderBytes);
  if (crc32c(body) != header.body_crc) return none("a group's checksum is wrong");
  if (!units_add_up(body, header)) return damaged(at, "a group's units do not add up");
  bytes_ = bytes;
  group_ = header;
  end_.at += group_bytes;
  if (header.kind == GroupKind::kClosed) {
    // The mark is cut off by the next start, so it does not count as part of the log.
    closed_ = true;
    return Found::kClosed;
  }
  end_.next_group += 1;
  end_.next_offset += header.record_count;
  end_.chain = crc;
  return Found::kGroup;
}

bool SegmentScan::units_add_up(std::string_view body, const GroupHeader& header) {
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

void SegmentScan::refresh(uint64_t size) {
  window_.look_at(*file_);
  size_ = size;
  if (!closed_) return;
  closed_ = false;
  end_.at -= kGroupHeaderBytes;
}

Error SegmentScan::damaged(uint64_t byte, std::string_view what) const {
  return log_damaged(file_->path(), byte, what);
}

}  // namespace rstmdb::log
