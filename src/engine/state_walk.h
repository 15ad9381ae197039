// A walk over the whole state that sees it as it was when the walk began, while writers go on.
//
// The walk emits the state's parts as rows, a few at a time. Before apply() changes or drops a part
// that the walk has not reached, the part's row is emitted as it still is; what is added after the
// beginning is no part of the walk. So there is no second copy of the state and nobody waits: a
// writer pays at most for the rows of what it changes, each of them once.
//
// Rejected: fork() (a copy of the page tables stops the loop for tens of milliseconds at a
// gigabyte, and every write then copies a page), and a log of changes to be replayed (as large as
// the load).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/rows.h"
#include "engine/state.h"

namespace rstmdb::engine {

/// Whole rows, back to back.
struct RowBlock {
  std::string bytes;
  uint32_t rows = 0;
};

/// On the state's thread. While it lives it is the state's one walk.
class StateWalk {
 public:
  explicit StateWalk(State& state);
  ~StateWalk();
  StateWalk(const StateWalk&) = delete;
  StateWalk& operator=(const StateWalk&) = delete;

  /// What the state was when the walk began.
  const StateFacts& facts() const { return facts_; }

  /// Emits up to `rows_max` rows, or fewer of about `bytes_max` bytes, at least one; none once it
  /// is done.
  void advance(size_t rows_max, size_t bytes_max);
  /// Every row has been emitted.
  bool done() const;
  /// FLUSH_ALL has taken the state away; nothing more is emitted and the rows so far are worthless.
  bool overtaken() const { return overtaken_; }

  /// Takes the blocks that are full (limits::kSnapshotBlockBytes or a little more) and, once the
  /// walk is done, the last one.
  std::vector<RowBlock> take_blocks();
  /// Bytes of rows that have been emitted and not taken.
  size_t pending_bytes() const { return pending_bytes_; }

  /// apply() calls this before it folds `record`.
  void before(const Record& record);

 private:
  void emit_definition();
  void emit_key();
  void emit_instance(Slot slot);
  void emit_keys_dropped_by(const Record& record);
  void emitted(size_t size_before);

  State& state_;
  const StateFacts facts_;
  bool overtaken_ = false;
  // Where the walk stands. Keys are numbered over the life of their table.
  DefinitionIndex next_definition_ = 0;
  uint64_t next_key_;
  const uint64_t keys_end_;
  Slot next_slot_ = 0;
  SlotSet early_;  // emitted ahead of next_slot_
  RowBlock open_;
  std::vector<RowBlock> full_;
  size_t pending_bytes_ = 0;
};

}  // namespace rstmdb::engine
