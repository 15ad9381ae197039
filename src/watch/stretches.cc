#include "watch/stretches.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rstmdb::watch {
namespace {

/// What opening a cursor counts as in the bytes that are read, and handling a unit besides its own.
constexpr size_t kOpeningBytes = 16 * 1024;
constexpr size_t kUnitBytes = 64;
/// A cursor keeps room for the largest unit that it has seen; above this it is closed again.
constexpr size_t kLargeUnitBytes = 1024 * 1024;
/// However little they hold.
constexpr size_t kStretchesMax = 256;
/// The other half is for those who begin.
constexpr size_t kCursorsMax = limits::kWatchCursorsMax / 2;

}  // namespace

Result<const Stretch*> Stretches::at(log::Offset offset, std::unique_ptr<log::Cursor> cursor) {
  const auto holds = [offset](const Stretch& one) {
    return one.first <= offset && offset < one.end;
  };
  const auto goes_on = [offset](const Stretch& one) {
    return one.end == offset && one.log_bytes < limits::kCatchUpStretchBytesMax;
  };
  auto found = std::ranges::find_if(stretches_, holds);
  if (found == stretches_.end()) found = std::ranges::find_if(stretches_, goes_on);
  if (found != stretches_.end()) stretches_.splice(stretches_.begin(), stretches_, found);
  Stretch& stretch = found != stretches_.end() ? *found : begin_at(offset);
  if (offset < stretch.end) return &stretch;
  if (!stretch.cursor) {
    stretch.cursor = std::move(cursor);
    stretch.chain_known = false;
  }
  if (auto read = read_on(stretch); !read.ok()) {
    stretch.cursor.reset();
    if (offset < stretch.end) return &stretch;
    if (stretch.first == stretch.end) stretches_.pop_front();
    return std::move(read).error();
  }
  make_room();
  return offset < stretch.end ? &stretch : nullptr;
}

/// A new one at the front, empty, with the cursor of the one before it, if there is one.
Stretch& Stretches::begin_at(log::Offset offset) {
  const auto before = std::ranges::find(stretches_, offset, &Stretch::end);
  Stretch begun;
  begun.first = begun.end = offset;
  if (before != stretches_.end() && before->cursor) {
    begun.cursor = std::move(before->cursor);
    begun.chain = before->chain;
    begun.chain_known = before->chain_known;
  }
  stretches_.push_front(std::move(begun));
  return stretches_.front();
}

/// Reads units at the end until the stretch is long enough or no more are committed.
Result<void> Stretches::read_on(Stretch& stretch) {
  if (!stretch.cursor) {
    bytes_read_ += kOpeningBytes;
    RSTMDB_ASSIGN(stretch.cursor, options_.log.read_from(stretch.end));
  }
  while (stretch.log_bytes < limits::kCatchUpStretchBytesMax) {
    RSTMDB_ASSIGN(const std::optional<log::Unit> unit, stretch.cursor->next());
    if (!unit) return {};
    const size_t whole = stretch.changes.size();
    if (auto taken = take(stretch, *unit); !taken.ok()) {
      stretch.changes.keep(whole);
      return taken;
    }
    if (unit->bytes.size() <= kLargeUnitBytes) continue;
    stretch.cursor.reset();
    return {};
  }
  return {};
}

Result<void> Stretches::take(Stretch& stretch, const log::Unit& unit) {
  bytes_read_ += unit.bytes.size() + kUnitBytes;
  records_read_ += unit.record_count;
  engine::RecordReader reader(unit.bytes, stretch.chain);
  if (!std::exchange(stretch.chain_known, true)) reader.adopt_chain();
  while (!reader.at_end()) {
    RSTMDB_ASSIGN(const engine::Record record, reader.next());
    const auto change = change_of(record, options_.state);
    if (change) stretch.changes.add(*change, unit.first_offset);
  }
  stretch.log_bytes += unit.bytes.size();
  stretch.end = unit.first_offset + unit.record_count;
  return {};
}

/// Drops those not used for longest: cursors above their number, then whole stretches above theirs
/// or above the memory for all. The one in use stays.
void Stretches::make_room() {
  size_t cursors = 0;
  size_t count = 0;
  size_t bytes = 0;
  for (auto next = stretches_.begin(); next != stretches_.end();) {
    Stretch& stretch = *next;
    bytes += sizeof(Stretch) + stretch.changes.memory();
    ++count;
    const bool one_too_many = count > kStretchesMax || bytes > limits::kCatchUpMemoryBytesMax;
    if (next != stretches_.begin() && one_too_many) {
      next = stretches_.erase(next);
      continue;
    }
    if (stretch.cursor && ++cursors > kCursorsMax) stretch.cursor.reset();
    ++next;
  }
}

void Stretches::close_before(log::Offset offset) {
  for (Stretch& stretch : stretches_) {
    if (stretch.end < offset) stretch.cursor.reset();
  }
}

size_t Stretches::cursors() const {
  return static_cast<size_t>(
      std::ranges::count_if(stretches_, [](const Stretch& one) { return one.cursor != nullptr; }));
}

}  // namespace rstmdb::watch
