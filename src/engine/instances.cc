#include "engine/instances.h"

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"
#include "engine/rows.h"

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

InstanceRow Instance::row(Slot slot) const {
  return {.slot = slot,
          .definition = definition,
          .state = state,
          .deleted = deleted_,
          .last_offset = last_offset,
          .created_at = created_at,
          .updated_at = updated_at,
          .id_size = id_size_,
          .context_size = context_size_,
          .texts = {text_.get(), size_t{id_size_} + context_size_ + event_id_size_}};
}

Hash128 Instance::hash() const { return row(0).hash(); }

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
  const Slot slot = size_;
  grow(size_ + 1);
  at(slot).set_texts(id, context, {});
  enter(id, slot);
  return slot;
}

InstanceRow Instances::row(Slot slot) const { return at(slot).row(slot); }

bool Instances::restore(const InstanceRow& row) {
  if (row.slot < size_ && !at(row.slot).id().empty()) return false;
  if (find(row.id())) return false;
  if (row.slot >= size_) grow(row.slot + 1);
  Instance& instance = at(row.slot);
  instance.set_texts(row.id(), row.context(), row.last_event_id());
  instance.last_offset = row.last_offset;
  instance.created_at = row.created_at;
  instance.updated_at = row.updated_at;
  instance.definition = row.definition;
  instance.state = row.state;
  if (row.deleted) instance.set_deleted();
  enter(row.id(), row.slot);
  return true;
}

void Instances::grow(uint32_t size) {
  while (chunks_.size() * size_t{kChunkRows} < size)
    chunks_.push_back(std::make_unique<Instance[]>(kChunkRows));
  size_ = size;
}

void Instances::enter(std::string_view id, Slot slot) {
  const uint64_t hash = hash64(id, hash_seed_);
  index_->shards[hash % Index::kShards].insert(Entry{static_cast<uint32_t>(hash >> 32), slot});
}

}  // namespace rstmdb::engine
