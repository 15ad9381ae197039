#include "engine/keys.h"

#include <boost/unordered/unordered_flat_map.hpp>

namespace rstmdb::engine {
namespace {

constexpr size_t kEntryOverheadBytes = 160;

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  uint64_t seed = 0;
  size_t operator()(std::string_view text) const { return hash64(text, seed); }
};

Hash128 entry_hash(std::string_view scope, const KeyResult& result) {
  const uint64_t facts[] = {
      result.fingerprint.low,
      result.fingerprint.high,
      static_cast<uint64_t>(result.expires_at),
      result.offset,
      result.definition,
      (uint64_t{result.from} << 16) | result.to,
      hash64(result.instance_id),
      hash64(result.context),
      hash64(result.event_id),
  };
  return hash128(scope, hash64({reinterpret_cast<const char*>(facts), sizeof facts}, 2));
}

}  // namespace

std::string KeyScope::text() const {
  std::string text;
  text.reserve(subject.size() + key.size() + 2);
  text.push_back(static_cast<char>(operation));
  text.append(subject).push_back('\0');
  text.append(key);
  return text;
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

size_t Keys::entry_bytes(size_t scope_bytes, const KeyResult& result) {
  return kEntryOverheadBytes + scope_bytes + result.instance_id.size() + result.context.size() +
         result.event_id.size();
}

const KeyResult* Keys::find(const KeyScope& scope, int64_t now_ms) const {
  const std::string text = scope.text();
  const auto found = index_->by_scope.find(std::string_view(text));
  if (found == index_->by_scope.end()) return nullptr;
  const KeyResult& result = queue_[found->second - dropped_].result;
  return result.expires_at > now_ms ? &result : nullptr;
}

void Keys::add(const KeyScope& scope, KeyResult result) {
  Entry& entry = queue_.emplace_back(Entry{scope.text(), std::move(result)});
  bytes_ += entry_bytes(entry.scope.size(), entry.result);
  hash_ += entry_hash(entry.scope, entry.result);
  // An expired entry of the same scope stays in the queue until its turn; the index forgets it now.
  // The index's key must be the new entry's text, because the old one dies first.
  index_->by_scope.erase(std::string_view(entry.scope));
  index_->by_scope.emplace(std::string_view(entry.scope), dropped_ + queue_.size() - 1);
}

void Keys::expire(int64_t now_ms) {
  while (!queue_.empty() && queue_.front().result.expires_at <= now_ms) drop_oldest();
}

void Keys::evict_oldest(uint32_t count) {
  for (; count > 0 && !queue_.empty(); --count) drop_oldest();
}

uint32_t Keys::evictions_for(size_t bytes, size_t keys_max, size_t bytes_max) const {
  uint32_t evictions = 0;
  size_t keys = queue_.size();
  size_t total = bytes_;
  for (const Entry& entry : queue_) {
    if (keys < keys_max && total + bytes <= bytes_max) break;
    total -= entry_bytes(entry.scope.size(), entry.result);
    --keys;
    ++evictions;
  }
  return evictions;
}

Hash128 Keys::hash_by_walk() const {
  Hash128 sum;
  for (const Entry& entry : queue_) sum += entry_hash(entry.scope, entry.result);
  return sum;
}

void Keys::drop_oldest() {
  const Entry& entry = queue_.front();
  bytes_ -= entry_bytes(entry.scope.size(), entry.result);
  hash_ -= entry_hash(entry.scope, entry.result);
  const auto found = index_->by_scope.find(std::string_view(entry.scope));
  if (found != index_->by_scope.end() && found->second == dropped_) index_->by_scope.erase(found);
  queue_.pop_front();
  ++dropped_;
}

}  // namespace rstmdb::engine
