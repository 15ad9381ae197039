#include "log/segment_cursor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "log/damage.h"

namespace rstmdb::log {
namespace {
/// A look reads no more than from one mark to the next, as a rule.
constexpr size_t kLookBytes = 64 * 1024;
}  // namespace

SegmentCursor::SegmentCursor(std::shared_ptr<Shelf> shelf, Offset offset, size_t read_bytes)
    : shelf_(std::move(shelf)),
      wanted_(std::max<Offset>(offset, 1)),
      segment_(shelf_->enter(wanted_)),
      window_(read_bytes) {
  if (wanted_ <= shelf_->committed()) place();
}

SegmentCursor::~SegmentCursor() { shelf_->leave(segment_); }

/// Sets out from the last marked group that does not begin behind the wanted offset. The offset is
/// committed by now, so its segment is known: the one that the cursor entered or one after it. It
/// may have been trimmed since, which is why it is looked for from there and not among all.
void SegmentCursor::place() {
  segment_ = shelf_->seek(segment_, wanted_);
  here_ = &shelf_->segment(segment_);
  const Segment& segment = *here_;
  at_ = kSegmentHeaderBytes;
  offset_ = segment.first_offset;
  const auto behind =
      std::ranges::upper_bound(segment.marks, wanted_, {}, &Segment::Mark::first_offset);
  if (behind != segment.marks.begin()) {
    at_ = std::prev(behind)->at;
    offset_ = std::prev(behind)->first_offset;
  }
  RSTMDB_CHECK(offset_ <= wanted_, std::to_string(offset_) + " > " + std::to_string(wanted_));
  placed_ = true;
}

void SegmentCursor::seek(Offset offset) {
  const uint64_t before = segment_;
  wanted_ = offset;
  if (offset < shelf_->segment(segment_).first_offset) {
    segment_ = shelf_->seek_back(segment_, offset);
  } else if (offset <= shelf_->committed()) {
    segment_ = shelf_->seek(segment_, offset);
  }
  if (segment_ != before) file_.reset();
  units_left_ = 0;
  group_end_ = 0;
  placed_ = false;
}

Result<std::optional<Unit>> SegmentCursor::next() {
  if (wanted_ > shelf_->committed()) return std::optional<Unit>();
  if (!placed_) place();
  while (true) {
    if (units_left_ == 0) {
      RSTMDB_TRY(next_group());
      continue;
    }
    RSTMDB_ASSIGN(std::string_view bytes, fetch(at_, kUnitHeaderBytes));
    const UnitHeader header = decode_unit_header(bytes);
    const uint64_t size = kUnitHeaderBytes + uint64_t{header.bytes};
    if (size > group_end_ - at_ || header.record_count == 0)
      return damaged(at_, "a unit does not fit into its group");
    const Offset behind = offset_ + header.record_count;
    if (behind <= wanted_) {  // before the start
      at_ += size;
      offset_ = behind;
      --units_left_;
      continue;
    }
    RSTMDB_ASSIGN(bytes, fetch(at_, size));
    if (!unit_intact(bytes)) return damaged(at_, "a unit's checksum is wrong");
    const Unit unit{.first_offset = offset_,
                    .record_count = header.record_count,
                    .bytes = bytes.substr(kUnitHeaderBytes)};
    at_ += size;
    offset_ = wanted_ = behind;
    --units_left_;
    return std::optional<Unit>(unit);
  }
}

/// Steps over the header of the group at at_, or over the whole group when the start lies behind.
Result<void> SegmentCursor::next_group() {
  if (group_end_ > at_) return damaged(at_, "a group is longer than its units");
  while (at_ >= here_->end) RSTMDB_TRY(next_segment());
  if (!file_) RSTMDB_TRY(open_segment());
  RSTMDB_ASSIGN(const std::string_view bytes, fetch(at_, kGroupHeaderBytes));
  GroupHeader header;
  uint32_t crc = 0;
  if (decode(bytes, shelf_->seed(), header, crc) != HeaderState::kValid)
    return damaged(at_, "a group header's checksum is wrong");
  if (header.first_offset != offset_) return damaged(at_, "a group has another offset than due");
  const uint64_t body = at_ + kGroupHeaderBytes;
  if (header.body_bytes > here_->end - body) return damaged(at_, "a group is cut short");
  group_end_ = body + header.body_bytes;
  if (offset_ + header.record_count <= wanted_) {
    at_ = group_end_;
    offset_ += header.record_count;
    return {};
  }
  at_ = body;
  units_left_ = header.unit_count;
  return {};
}

Result<void> SegmentCursor::next_segment() {
  const uint64_t next = shelf_->advance(segment_);
  if (next == 0) return damaged(at_, "a committed record is missing");
  segment_ = next;
  here_ = &shelf_->segment(segment_);
  at_ = kSegmentHeaderBytes;
  group_end_ = 0;
  file_.reset();
  return {};
}

Result<void> SegmentCursor::open_segment() {
  RSTMDB_ASSIGN(file_, shelf_->open(segment_));
  window_.look_at(*file_);
  return {};
}

Result<std::string_view> SegmentCursor::fetch(uint64_t at, size_t size) {
  const uint64_t reads = window_.reads();
  const uint64_t bytes_read = window_.bytes_read();
  auto bytes = window_.fetch(at, size, here_->end);
  shelf_->reads += window_.reads() - reads;
  shelf_->bytes_read += window_.bytes_read() - bytes_read;
  if (bytes.ok() && bytes->size() < size) return damaged(at, "the file ends inside a group");
  return bytes;
}

Result<Unit> SegmentLookup::unit_of(Offset offset) {
  RSTMDB_CHECK(offset != 0 && offset <= shelf_->committed(), std::to_string(offset));
  if (offset < shelf_->oldest()) return trimmed_away(*shelf_, offset);
  if (cursor_) {
    cursor_->seek(offset);
  } else {
    cursor_.emplace(shelf_, offset, kLookBytes);
  }
  RSTMDB_ASSIGN(const std::optional<Unit> unit, cursor_->next());
  RSTMDB_CHECK(unit.has_value(), "what is committed is there");
  return *unit;
}

Error trimmed_away(const Shelf& shelf, Offset offset) {
  return Error(Code::kNotFound, "offset " + std::to_string(offset) + " has been trimmed away")
      .with("oldest_offset", static_cast<int64_t>(shelf.oldest()));
}

Error SegmentCursor::damaged(uint64_t byte, std::string_view what) const {
  return log_damaged(here_->path, byte, what);
}

}  // namespace rstmdb::log
