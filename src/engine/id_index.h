// From ids to slots: a hash table of entries of 8 bytes, half of an id's hash and its slot. The ids
// themselves stand in the instances, so whoever looks one up compares it there.
//
// 256 shards, each an array of *lines* of 8 entries, which are lines of the processor's cache. An
// entry stands in the line that its hash says, or in the next ones that have room. Ids are never
// taken out, so a line is filled from its front, and an empty place ends a search. A shard grows by
// a quarter when seven eighths of it are used, which keeps an entry between 9 and 12 bytes; the
// order of lines is the order of hashes, so growing runs through old and new lines in order.
//
// Rejected: boost::unordered_flat_set, which doubles (10 to 20 bytes an entry), takes two lines for
// a look-up, and has nothing that a look-up ahead could take hold of.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "engine/slot_set.h"

namespace rstmdb::engine {

class IdIndex {
 public:
  explicit IdIndex(uint64_t hash_seed) : hash_seed_(hash_seed) {}

  /// What the other functions know an id by.
  uint64_t hash(std::string_view id) const { return hash64(id, hash_seed_); }

  /// The slot under `hash` for which `is_it(slot)` holds. It is asked about the right one and,
  /// rarely, about a few others.
  template <class IsIt>
  std::optional<Slot> find(uint64_t hash, IsIt is_it) const {
    const Shard& shard = shards_[hash % kShards];
    if (shard.line_count == 0) return std::nullopt;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (uint32_t at = shard.home(tag);; at = shard.behind(at)) {
      for (const Entry& entry : shard.lines[at].entries) {
        if (entry.slot == kNone) return std::nullopt;
        if (entry.tag == tag && is_it(entry.slot)) return entry.slot;
      }
    }
  }
  /// The first slot under `hash`; another id's in one of many millions of cases.
  std::optional<Slot> guess(uint64_t hash) const {
    return find(hash, [](Slot) { return true; });
  }
  /// Brings the line in which a search begins into the processor's cache.
  void prefetch(uint64_t hash) const {
    const Shard& shard = shards_[hash % kShards];
    if (shard.line_count == 0) return;
    __builtin_prefetch(&shard.lines[shard.home(static_cast<uint32_t>(hash >> 32))]);
  }
  /// Enters an id that is not there yet.
  void add(uint64_t hash, Slot slot);
  /// Makes room for `ids` in all, so that adding them makes hardly a shard grow. Before the first.
  void reserve(uint64_t ids);

 private:
  static constexpr size_t kShards = 256;
  static constexpr size_t kLineEntries = 8;
  static constexpr Slot kNone = UINT32_MAX;  // above limits::kInstancesMax
  struct Entry {
    uint32_t tag = 0;  // upper half of the id's hash, so that growing touches no instance
    Slot slot = kNone;
  };
  struct alignas(64) Line {
    std::array<Entry, kLineEntries> entries;
  };
  struct Shard {
    std::unique_ptr<Line[]> lines;
    uint32_t line_count = 0;
    uint32_t used = 0;  // entries

    uint32_t home(uint32_t tag) const {
      return static_cast<uint32_t>(uint64_t{tag} * line_count >> 32);
    }
    uint32_t behind(uint32_t line) const { return line + 1 == line_count ? 0 : line + 1; }
    void place(Entry entry);
    void grow();
    void resize(uint32_t count);
  };

  uint64_t hash_seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace rstmdb::engine
