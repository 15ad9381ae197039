// All instances, by id and by slot. A slot is an instance's place in the order of creation; it is
// never given to another one, because a deleted id stays taken, so slots also serve as the stable
// order of lists.
//
// Memory per instance: one row of 56 bytes, one allocation that holds id, context and last event id
// back to back, and 8 bytes in the index. Rows live in chunks and index shards grow one at a time,
// so adding one instance never moves all others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/definition.h"
#include "engine/slot_set.h"

namespace rstmdb::engine {

using DefinitionIndex = uint32_t;

struct InstanceRow;  // rows.h

class Instance {
 public:
  std::string_view id() const { return {text_.get(), id_size_}; }
  std::string_view context() const { return {text_.get() + id_size_, context_size_}; }
  std::string_view last_event_id() const {
    return {text_.get() + id_size_ + context_size_, event_id_size_};
  }
  /// Replaces the texts. The views may point into the ones replaced.
  void set_texts(std::string_view id, std::string_view context, std::string_view last_event_id);
  /// What the instance is, as a row of `slot`.
  InstanceRow row(Slot slot) const;
  /// Hash of everything that the instance is; what the state hash adds up.
  Hash128 hash() const;

  uint64_t last_offset = 0;
  int64_t created_at = 0;
  int64_t updated_at = 0;
  DefinitionIndex definition = 0;
  StateIndex state = 0;

  bool deleted() const { return deleted_; }
  void set_deleted() { deleted_ = true; }

 private:
  bool deleted_ = false;
  uint32_t context_size_ = 0;
  uint16_t id_size_ = 0;
  uint16_t event_id_size_ = 0;
  std::unique_ptr<char[]> text_;
};

class Instances {
 public:
  /// `hash_seed` makes the index's order unpredictable to clients that choose colliding ids.
  explicit Instances(uint64_t hash_seed);
  ~Instances();
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  std::optional<Slot> find(std::string_view id) const;
  /// Adds a row under an id that is not there yet.
  Slot add(std::string_view id, std::string_view context);
  Instance& at(Slot slot) { return chunks_[slot / kChunkRows][slot % kChunkRows]; }
  const Instance& at(Slot slot) const { return chunks_[slot / kChunkRows][slot % kChunkRows]; }
  InstanceRow row(Slot slot) const;
  /// Fills the row's slot; slots below that were not filled yet are there, too, but hold nothing.
  /// False, and nothing is changed, when the slot is filled or the id is taken.
  bool restore(const InstanceRow& row);
  /// Rows so far, deleted ones included; slots are 0 … size()-1.
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kChunkRows = 1024;
  struct Index;
  void grow(uint32_t size);
  void enter(std::string_view id, Slot slot);

  uint64_t hash_seed_;
  uint32_t size_ = 0;
  std::vector<std::unique_ptr<Instance[]>> chunks_;
  std::unique_ptr<Index> index_;
};

}  // namespace rstmdb::engine
