#include "engine/instances.h"

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::engine {
namespace {

static_assert(sizeof(Instance) <= 56, "a row grew: say so in the head of instances.h");

/// A slot with the upper half of its id's hash, so that growing a shard touches no row.
struct Entry {
  uint32_t hash;
  Slot slot;
};

struct Wanted {
  uint32_t hash;
  std::string_view id;
};

struct EntryHash {
  using is_transparent = void;
  using is_avalanching = void;
  static size_t spread(uint32_t hash) {
    // 32 good bits to 64: the map takes its bits from both ends.
    return static_cast<size_t>(hash * 0x9e3779b97f4a7c15u);
  }
  size_t operator()(const Entry& entry) const { return spread(entry.hash); }
  size_t operator()(const Wanted& wanted) const { return spread(wanted.hash); }
};

struct EntryEqual {
  using is_transparent = void;
  const Instances* rows;
  bool operator()(const Entry& a, const Entry& b) const { return a.slot == b.slot; }
  bool operator()(const Wanted& wanted, const Entry& entry) const {
    return wanted.hash == entry.hash && rows->at(entry.slot).id() == wanted.id;
  }
  bool operator()(const Entry& entry, const Wanted& wanted) const { return (*this)(wanted, entry); }
};

}  // namespace

void Instance::set_texts(std::string_view id, std::string_view context,
                         std::string_view last_event_id) {
  auto text =
      std::make_unique_for_overwrite<char[]>(id.size() + context.size() + last_event_id.size());
  char* at = text.get();
  const auto put = [&at](std::string_view part) {
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    at += part.size();
  };
  put(id);
  put(context);
  put(last_event_id);
  text_ = std::move(text);
  id_size_ = static_cast<uint16_t>(id.size());
  context_size_ = static_cast<uint32_t>(context.size());
  event_id_size_ = static_cast<uint16_t>(last_event_id.size());
}

Hash128 Instance::hash() const {
  const uint64_t facts[] = {
      last_offset,
      static_cast<uint64_t>(created_at),
      static_cast<uint64_t>(updated_at),
      (uint64_t{definition} << 32) | (uint64_t{state} << 1) | (deleted_ ? 1u : 0u),
      (uint64_t{context_size_} << 32) | (uint64_t{id_size_} << 16) | event_id_size_,
  };
  const uint64_t seed = hash64({reinterpret_cast<const char*>(facts), sizeof facts}, 1);
  return hash128({text_.get(), size_t{id_size_} + context_size_ + event_id_size_}, seed);
}

struct Instances::Index {
  static constexpr size_t kShards = 256;
  using Shard = boost::unordered_flat_set<Entry, EntryHash, EntryEqual>;
  std::vector<Shard> shards;
};

Instances::Instances(uint64_t hash_seed)
    : hash_seed_(hash_seed), index_(std::make_unique<Index>()) {
  index_->shards.reserve(Index::kShards);
  for (size_t i = 0; i < Index::kShards; ++i) {
    index_->shards.emplace_back(0, EntryHash{}, EntryEqual{this});
  }
}

Instances::~Instances() = default;

std::optional<Slot> Instances::find(std::string_view id) const {
  const uint64_t hash = hash64(id, hash_seed_);
  const auto& shard = index_->shards[hash % Index::kShards];
  const auto found = shard.find(Wanted{static_cast<uint32_t>(hash >> 32), id});
  if (found == shard.end()) return std::nullopt;
  return found->slot;
}

Slot Instances::add(std::string_view id, std::string_view context) {
  RSTMDB_CHECK(size_ < limits::kInstancesMax, "more instances than slots");
  if (size_ % kChunkRows == 0) chunks_.push_back(std::make_unique<Instance[]>(kChunkRows));
  const Slot slot = size_++;
  at(slot).set_texts(id, context, {});
  const uint64_t hash = hash64(id, hash_seed_);
  index_->shards[hash % Index::kShards].insert(Entry{static_cast<uint32_t>(hash >> 32), slot});
  return slot;
}

}  // namespace rstmdb::engine
