#include "log/segment_shelf.h"

#include <iterator>
#include <utility>

#include "base/check.h"

namespace rstmdb::log {
namespace {
constexpr uint64_t kMarkBytes = 64 * 1024;
}

void Segment::add_group(Offset first, uint64_t at, uint64_t group_end) {
  if (marks.empty() || at >= marks.back().at + kMarkBytes) marks.push_back({first, at});
  end = group_end;
}

void Shelf::add_segment(Segment segment) {
  total_bytes_ += segment.end;
  const uint64_t number = segment.number;
  segments_.emplace(number, std::move(segment));
}

const Segment* Shelf::trimmable(Offset keep_from) const {
  if (segments_.size() < 2) return nullptr;
  const auto oldest = segments_.begin();
  return std::next(oldest)->second.first_offset <= keep_from ? &oldest->second : nullptr;
}

Result<void> Shelf::pin_oldest() {
  Segment& oldest = segments_.begin()->second;
  if (cursors_.empty() || *cursors_.begin() > oldest.number || oldest.file) return {};
  RSTMDB_ASSIGN(oldest.file, files_.open(oldest.path, io::FileSystem::Open::kRead));
  return {};
}

void Shelf::drop_oldest() {
  auto node = segments_.extract(segments_.begin());
  total_bytes_ -= node.mapped().end;
  if (node.mapped().file) retired_.insert(std::move(node));
}

uint64_t Shelf::enter(Offset offset) {
  auto at = segments_.end();
  while (at != segments_.begin()) {
    --at;
    if (at->second.first_offset <= offset) break;
  }
  cursors_.insert(at->first);
  return at->first;
}

void Shelf::leave(uint64_t number) {
  cursors_.erase(cursors_.find(number));
  forget_unneeded();
}

uint64_t Shelf::advance(uint64_t number) {
  if (find(number + 1) == nullptr) return 0;
  cursors_.erase(cursors_.find(number));
  cursors_.insert(number + 1);
  forget_unneeded();
  return number + 1;
}

uint64_t Shelf::seek(uint64_t number, Offset offset) {
  const Segment* next = find(number + 1);
  while (next != nullptr && next->first_offset <= offset) {
    number = advance(number);
    next = find(number + 1);
  }
  return number;
}

uint64_t Shelf::seek_back(uint64_t number, Offset offset) {
  cursors_.erase(cursors_.find(number));
  while (segment(number).first_offset > offset) --number;
  cursors_.insert(number);
  return number;
}

const Segment& Shelf::segment(uint64_t number) const {
  const Segment* found = find(number);
  RSTMDB_CHECK(found != nullptr, "a cursor's segment is on the shelf");
  return *found;
}

const Segment* Shelf::find(uint64_t number) const {
  const auto live = segments_.find(number);
  if (live != segments_.end()) return &live->second;
  const auto retired = retired_.find(number);
  return retired != retired_.end() ? &retired->second : nullptr;
}

Result<std::shared_ptr<io::File>> Shelf::open(uint64_t number) {
  const Segment& wanted = segment(number);
  if (wanted.file) return wanted.file;
  RSTMDB_ASSIGN(std::shared_ptr<io::File> file,
                files_.open(wanted.path, io::FileSystem::Open::kRead));
  return file;
}

void Shelf::forget_unneeded() {
  const uint64_t needed = cursors_.empty() ? UINT64_MAX : *cursors_.begin();
  retired_.erase(retired_.begin(), retired_.lower_bound(needed));
}

}  // namespace rstmdb::log
