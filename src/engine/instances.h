// All instances, by id and by slot. A slot is an instance's place in the order of creation; it is
// never given to another one, because a deleted id stays taken, so slots also serve as the stable
// order of lists.
//
// Memory per instance: one row of 64 bytes, which is one line of the processor's cache, one
// allocation that holds id, context and last event id back to back, and 9 to 12 bytes in the index.
// Rows live in chunks and the index in shards that grow one at a time, so adding one instance never
// moves all others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/definition.h"
#include "engine/id_index.h"
#include "engine/slot_set.h"

namespace rstmdb::engine {

using DefinitionIndex = uint32_t;

struct InstanceRow;  // rows.h

class alignas(64) Instance {
 public:
  std::string_view id() const { return {text_.get(), id_size_}; }
  std::string_view context() const { return {text_.get() + id_size_, context_size_}; }
  std::string_view last_event_id() const {
    return {text_.get() + id_size_ + context_size_, event_id_size_};
  }
  /// Replaces the texts, without an allocation when they need as much room as before. A view may be
  /// the very part that it replaces.
  void set_texts(std::string_view id, std::string_view context, std::string_view last_event_id);
  /// What the instance is, as a row of `slot`.
  InstanceRow row(Slot slot) const;
  /// Hash of everything that the instance was when it was last sealed; what the state hash adds up.
  /// Kept, so that taking it off the sum before a change reads no text.
  const Hash128& hash() const { return hash_; }
  /// Computes the hash anew. Every change ends with it.
  void seal();
  /// The same for an instance that was made of a row, whose hash it is to have.
  void seal_as(const Hash128& hash) { hash_ = hash; }
  /// Brings the texts into the processor's cache.
  void prefetch_texts() const;

  uint64_t last_offset = 0;
  int64_t created_at = 0;
  int64_t updated_at = 0;
  DefinitionIndex definition = 0;
  StateIndex state = 0;

  bool deleted() const { return deleted_; }
  void set_deleted() { deleted_ = true; }

 private:
  bool deleted_ = false;
  uint16_t id_size_ = 0;
  uint16_t event_id_size_ = 0;
  uint32_t context_size_ = 0;
  std::unique_ptr<char[]> text_;
  Hash128 hash_;
};

class Instances {
 public:
  /// `hash_seed` makes the index's order unpredictable to clients that choose colliding ids.
  explicit Instances(uint64_t hash_seed) : index_(hash_seed) {}
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  std::optional<Slot> find(std::string_view id) const { return find(id, index_.hash(id)); }
  /// Brings what find() and a change of each of these instances read into the processor's caches,
  /// in steps for all of them, so that their misses overlap: with many instances they are most of
  /// what a request costs. Only a hint, for the requests that come next; an id that is not there is
  /// none the worse.
  void prefetch(std::span<const std::string_view> ids) const;
  /// Sum of the hashes of the instances in slots [from, to), computed from what they are now.
  Hash128 hash_by_walk(Slot from, Slot to) const;
  /// Brings only the place in the index, of one that is about to be added.
  void prefetch_place(std::string_view id) const { index_.prefetch(index_.hash(id)); }
  /// Makes room for so many instances in the index, before the first.
  void reserve(uint64_t instances) { index_.reserve(instances); }
  /// Adds a row under an id that is not there yet.
  Slot add(std::string_view id, std::string_view context);
  Instance& at(Slot slot) { return chunks_[slot / kChunkRows]->rows[slot % kChunkRows]; }
  const Instance& at(Slot slot) const {
    return chunks_[slot / kChunkRows]->rows[slot % kChunkRows];
  }
  InstanceRow row(Slot slot) const;
  /// Fills the row's slot and gives the instance the row's hash; slots below that were not filled
  /// yet are there, too, but hold nothing. False, and nothing is changed, when the slot is filled
  /// or the id is taken.
  bool restore(const InstanceRow& row, const Hash128& hash);
  /// Rows so far, deleted ones included; slots are 0 … size()-1.
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kChunkRows = 1024;
  struct Chunk {
    std::array<Instance, kChunkRows> rows;
  };
  std::optional<Slot> find(std::string_view id, uint64_t hash) const {
    return index_.find(hash, [this, id](Slot slot) { return at(slot).id() == id; });
  }
  void grow(uint32_t size);

  uint32_t size_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  IdIndex index_;
};

}  // namespace rstmdb::engine
