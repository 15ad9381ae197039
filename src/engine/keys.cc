#include "engine/keys.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "engine/rows.h"

namespace rstmdb::engine {
namespace {

constexpr size_t kEntryOverheadBytes = 160;

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  uint64_t seed = 0;
  size_t operator()(std::string_view text) const { return hash64(text, seed); }
};

}  // namespace

std::string KeyScope::text() const {
  std::string text;
  text.reserve(subject.size() + key.size() + 2);
  text.push_back(static_cast<char>(operation));
  text.append(subject).push_back('\0');
  text.append(key);
  return text;
}

KeyScope KeyScope::of_text(std::string_view text) {
  const size_t end = text.find('\0', 1);
  if (text.empty() || end == std::string_view::npos) return {RecordKind{}, {}, {}};
  return {.operation = static_cast<RecordKind>(text.front()),
          .subject = text.substr(1, end - 1),
          .key = text.substr(end + 1)};
}

/// Scope to sequence number of the entry; the texts live in the queue, which never moves its
/// elements.
struct Keys::Index {
  boost::unordered_flat_map<std::string_view, uint64_t, TextHash> by_scope;
};

Keys::Keys(uint64_t hash_seed) : index_(std::make_unique<Index>()) {
  index_->by_scope = decltype(Index::by_scope)(0, TextHash{hash_seed});
}
Keys::~Keys() = default;

size_t Keys::entry_bytes(size_t scope_bytes, size_t answer_bytes) {
  return kEntryOverheadBytes + scope_bytes + answer_bytes;
}

size_t Keys::bytes_of(const Entry& entry) {
  const KeyResult& result = entry.result;
  return entry_bytes(entry.scope.size(),
                     result.instance_id.size() + result.context.size() + result.event_id.size());
}

const KeyResult* Keys::find(const KeyScope& scope, int64_t now_ms) const {
  const std::string text = scope.text();
  const auto found = index_->by_scope.find(std::string_view(text));
  if (found == index_->by_scope.end()) return nullptr;
  const KeyResult& result = queue_[found->second - dropped_].result;
  return result.expires_at > now_ms ? &result : nullptr;
}

void Keys::add(const KeyScope& scope, KeyResult result) { add(scope.text(), std::move(result)); }

void Keys::add(std::string scope, KeyResult result) {
  Entry& entry = queue_.emplace_back(Entry{std::move(scope), std::move(result)});
  bytes_ += bytes_of(entry);
  hash_ += row_of(entry).hash();
  // An expired entry of the same scope stays in the queue until its turn; the index forgets it now.
  // The index's key must be the new entry's text, because the old one dies first.
  index_->by_scope.erase(std::string_view(entry.scope));
  index_->by_scope.emplace(std::string_view(entry.scope), dropped_ + queue_.size() - 1);
}

void Keys::expire(int64_t now_ms) {
  while (!queue_.empty() && queue_.front().result.expires_at <= now_ms) drop_oldest();
}

uint64_t Keys::expired(int64_t now_ms) const {
  const auto alive = std::ranges::find_if(
      queue_, [now_ms](const Entry& entry) { return entry.result.expires_at > now_ms; });
  return static_cast<uint64_t>(alive - queue_.begin());
}

KeyRow Keys::row_of(const Entry& entry) {
  const KeyResult& result = entry.result;
  return {.scope = entry.scope,
          .fingerprint = result.fingerprint,
          .expires_at = result.expires_at,
          .offset = result.offset,
          .definition = result.definition,
          .from = result.from,
          .to = result.to,
          .instance_id = result.instance_id,
          .context = result.context,
          .event_id = result.event_id};
}

KeyRow Keys::row(uint64_t sequence) const { return row_of(queue_[sequence - dropped_]); }

void Keys::restore(const KeyRow& row) {
  add(std::string(row.scope), {.fingerprint = row.fingerprint,
                               .expires_at = row.expires_at,
                               .offset = row.offset,
                               .definition = row.definition,
                               .from = row.from,
                               .to = row.to,
                               .instance_id = std::string(row.instance_id),
                               .context = std::string(row.context),
                               .event_id = std::string(row.event_id)});
}

void Keys::evict_oldest(uint32_t count) {
  for (; count > 0 && !queue_.empty(); --count) drop_oldest();
}

Hash128 Keys::hash_by_walk() const {
  Hash128 sum;
  for (const Entry& entry : queue_) sum += row_of(entry).hash();
  return sum;
}

void Keys::drop_oldest() {
  const Entry& entry = queue_.front();
  bytes_ -= bytes_of(entry);
  hash_ -= row_of(entry).hash();
  const auto found = index_->by_scope.find(std::string_view(entry.scope));
  if (found != index_->by_scope.end() && found->second == dropped_) index_->by_scope.erase(found);
  queue_.pop_front();
  ++dropped_;
}

void KeysAhead::clear() {
  to_come_.clear();
  to_come_bytes_ = gone_ = gone_bytes_ = 0;
}

uint32_t KeysAhead::add(const Keys& keys, size_t bytes, int64_t now_ms, size_t keys_max,
                        size_t bytes_max) {
  const auto fits = [&] {
    return keys.count() + to_come_.size() - gone_ < keys_max &&
           keys.bytes() + to_come_bytes_ - gone_bytes_ + bytes <= bytes_max;
  };
  uint32_t pushed_out = 0;
  if (!fits()) {
    while (gone_ < keys.count() && keys.queue_[gone_].result.expires_at <= now_ms)
      drop_oldest(keys);
    while (!fits() && drop_oldest(keys)) ++pushed_out;
  }
  to_come_.push_back(bytes);
  to_come_bytes_ += bytes;
  return pushed_out;
}

/// False when there is none.
bool KeysAhead::drop_oldest(const Keys& keys) {
  const size_t table = keys.count();
  if (gone_ == table + to_come_.size()) return false;
  gone_bytes_ += gone_ < table ? Keys::bytes_of(keys.queue_[gone_]) : to_come_[gone_ - table];
  ++gone_;
  return true;
}

}  // namespace rstmdb::engine
