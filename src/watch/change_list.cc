#include "watch/change_list.h"

#include <algorithm>

namespace rstmdb::watch {
namespace {

/// A buffer above this is given back once it is empty.
constexpr size_t kKeptBytesMax = 1024 * 1024;

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  std::string_view take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace

void ChangeList::add(const Change& change, uint64_t unit_first) {
  Entry entry{};
  entry.offset = change.offset;
  entry.unit_first = unit_first;
  entry.at = dropped_ + texts_.size();
  entry.version = change.version;
  entry.kind = change.kind;
  // Names have at most limits::kNameBytesMax bytes.
  entry.instance_bytes = static_cast<uint16_t>(change.instance_id.size());
  entry.machine_bytes = static_cast<uint16_t>(change.machine.size());
  entry.from_bytes = static_cast<uint16_t>(change.from_state.size());
  entry.to_bytes = static_cast<uint16_t>(change.to_state.size());
  entry.event_bytes = static_cast<uint16_t>(change.event.size());
  for (const std::string_view name :
       {change.instance_id, change.machine, change.from_state, change.to_state, change.event}) {
    texts_.append(name);
  }
  entry.forms = append_text(texts_, change);
  entries_.push_back(entry);
}

ChangeList::Held ChangeList::at(size_t number) const {
  const Entry& entry = entries_[gone_ + number];
  Reader texts(std::string_view(texts_).substr(entry.at - dropped_));
  Held held;
  held.unit_first = entry.unit_first;
  held.change.kind = entry.kind;
  held.change.offset = entry.offset;
  held.change.version = entry.version;
  held.change.instance_id = texts.take(entry.instance_bytes);
  held.change.machine = texts.take(entry.machine_bytes);
  held.change.from_state = texts.take(entry.from_bytes);
  held.change.to_state = texts.take(entry.to_bytes);
  held.change.event = texts.take(entry.event_bytes);
  const std::string_view text = texts.take(entry.forms.full_bytes);
  held.full = entry.forms.full(text);
  held.lean = entry.forms.lean(text);
  return held;
}

size_t ChangeList::first_from(uint64_t offset) const {
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(gone_);
  const auto found = std::ranges::lower_bound(begin, entries_.end(), offset, {}, &Entry::offset);
  return static_cast<size_t>(found - begin);
}

void ChangeList::pop(size_t count) {
  gone_ += count;
  if (empty()) return clear();
  // Something may always be on its way: drop what has gone once it is most of the buffer.
  const size_t gone_bytes = entries_[gone_].at - dropped_;
  if (gone_bytes < kKeptBytesMax / 16 || gone_bytes < texts_.size() / 2) return;
  texts_.erase(0, gone_bytes);
  dropped_ += gone_bytes;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(gone_));
  gone_ = 0;
}

void ChangeList::keep(size_t count) {
  if (count >= size()) return;
  texts_.resize(entries_[gone_ + count].at - dropped_);
  entries_.resize(gone_ + count);
}

void ChangeList::clear() {
  dropped_ += texts_.size();
  if (texts_.capacity() > kKeptBytesMax) std::string().swap(texts_);
  texts_.clear();
  if (entries_.capacity() * sizeof(Entry) > kKeptBytesMax) std::vector<Entry>().swap(entries_);
  entries_.clear();
  gone_ = 0;
}

}  // namespace rstmdb::watch
