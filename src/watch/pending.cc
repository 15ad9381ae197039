#include "watch/pending.h"

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

void Pending::add(const Change& change, uint64_t unit_first) {
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
  const size_t start = texts_.size();
  entry.lean_bytes = static_cast<uint32_t>(append_members(texts_, change) - start);
  entry.members_bytes = static_cast<uint32_t>(texts_.size() - start);
  entries_.push_back(entry);
}

Pending::Held Pending::front() const {
  const Entry& entry = entries_.front();
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
  held.members = texts.take(entry.members_bytes);
  held.lean = held.members.substr(0, entry.lean_bytes);
  return held;
}

void Pending::pop() {
  entries_.pop_front();
  if (entries_.empty()) return clear();
  // Something may always be on its way: drop what has gone once it is most of the buffer.
  const size_t gone = entries_.front().at - dropped_;
  if (gone < kKeptBytesMax / 16 || gone < texts_.size() / 2) return;
  texts_.erase(0, gone);
  dropped_ += gone;
}

void Pending::clear() {
  entries_.clear();
  dropped_ += texts_.size();
  if (texts_.capacity() > kKeptBytesMax) std::string().swap(texts_);
  texts_.clear();
}

}  // namespace rstmdb::watch
