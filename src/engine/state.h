// The state: what the log says, folded. `apply` is the one function that changes it, for live
// traffic, restart and every check; it is pure, runs no guard, and cannot fail, because a record in
// the log has happened.
//
// One thread owns a State.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/hash.h"
#include "engine/instances.h"
#include "engine/keys.h"
#include "engine/machines.h"
#include "engine/record.h"

namespace rstmdb::engine {

class StateWalk;

/// What a state is, in a few numbers.
struct StateFacts {
  uint64_t last_offset = 0;
  int64_t last_ts = 0;
  uint64_t definitions = 0;
  uint64_t instances = 0;  // deleted ones included
  uint64_t keys = 0;
  Hash128 hash;
};

class State {
 public:
  struct Options {
    uint64_t hash_seed;  // unpredictable in production; has no influence on what the state shows
  };
  explicit State(const Options& options);

  /// Folds one record. Its offset must be last_offset() + 1, and it must fit the state: what
  /// decide() made of this very state, or what a log holds that was written so. Anything else
  /// aborts.
  void apply(const Record& record);

  const Machines& machines() const { return machines_; }
  const Instances& instances() const { return *instances_; }
  const Keys& keys() const { return *keys_; }
  /// All instances that are not deleted.
  const SlotSet& live() const { return live_; }

  uint64_t last_offset() const { return last_offset_; }
  /// The instance that an apply or delete is about: where the record says, or looked up. None when
  /// there is none under its id.
  std::optional<Slot> slot_of(const Record& record) const;

  /// Time stamp of the last record; 0 before the first.
  int64_t last_ts() const { return last_ts_; }

  StateFacts facts() const;

  /// Hash of the whole state: equal states have equal hashes, however they came about. Costs
  /// nothing to read.
  Hash128 hash() const;
  /// The same, computed by a walk over everything; for checking the one above.
  Hash128 hash_by_walk() const;

 private:
  friend class StateWalk;    // is told before each change
  friend class StateLoader;  // builds one from rows
  void put_machine(const Record& record);
  void create_instance(const Record& record);
  void apply_event(const Record& record);
  void delete_instance(const Record& record);
  void flush_all();
  void remember_key(const Record& record, KeyResult result);
  Slot living(const Record& record) const;
  /// hash_by_walk() with what the instances add up to.
  Hash128 hash_by_walk(const Hash128& instances) const;
  /// Adds a living instance to the sets that it belongs to.
  void enter(Slot slot, const Instance& instance);

  Options options_;
  Machines machines_;
  std::unique_ptr<Instances> instances_;
  std::unique_ptr<Keys> keys_;
  SlotSet live_;
  Hash128 machines_hash_;
  Hash128 instances_hash_;
  uint64_t last_offset_ = 0;
  int64_t last_ts_ = 0;
  StateWalk* walk_ = nullptr;  // the one under way; not owned
};

/// The scope under which `record`'s key is kept.
KeyScope key_scope(const Record& record);

}  // namespace rstmdb::engine
