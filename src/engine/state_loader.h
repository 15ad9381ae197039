// Builds a state out of rows: the way back of a StateWalk.
//
// Rows come from a file, so nothing about them is taken for granted: each place is filled exactly
// once, what refers to another part finds it, and at the end the state's hash, computed from what
// was built, is the one that was promised. Anything else is an error, never an abort.
#pragma once

#include <span>

#include "base/result.h"
#include "engine/rows.h"
#include "engine/state.h"

namespace rstmdb::engine {

class StateLoader {
 public:
  /// `facts` is what the rows should add up to.
  StateLoader(const State::Options& options, const StateFacts& facts);

  /// Makes room for so many instances at once. How many there may be is for whoever has their bytes
  /// to say: the facts may promise anything.
  void make_room(uint64_t instances) { state_.instances_->reserve(instances); }
  /// Takes one row. Definitions and keys come in their order. kInternalError with details
  /// code=ROW_DAMAGED and reason for a row that does not fit the ones before.
  Result<void> add(const HashedRow& row);
  Result<void> add(const Row& row) { return add(HashedRow(row)); }
  /// Brings the places of the instances among these rows into the processor's cache, for the add()
  /// of each that comes next.
  void prefetch(std::span<const HashedRow> rows) const;

  /// The state. Fails like add() when rows are missing, one refers to what is not there, or the
  /// hash is another. The loader is used up.
  Result<State> finish();

  // The same in three steps, of which the first two may run beside each other.

  /// Slots so far: 0 … slots()-1.
  Slot slots() const { return state_.instances().size(); }
  /// What these instances' hashes add up to, computed from what was built.
  Hash128 walk(Slot from, Slot to) const { return state_.instances().hash_by_walk(from, to); }
  /// Checks that all rows are there, and that what they refer to is.
  Result<void> enter_all();
  /// `walked` is the sum over all slots.
  Result<State> finish(const Hash128& walked);

 private:
  Result<void> add_definition(const DefinitionRow& row, const Hash128& hash);
  Result<void> add_instance(const InstanceRow& row, const Hash128& hash);
  Result<void> add_key(const KeyRow& row);
  Result<void> enter_instances();
  Result<void> check_keys() const;

  const StateFacts facts_;
  State state_;
  uint64_t instances_ = 0;  // rows so far
};

}  // namespace rstmdb::engine
