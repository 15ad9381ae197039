#include "engine/state_walk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::engine {

StateWalk::StateWalk(State& state)
    : state_(state),
      facts_(state.facts()),
      next_key_(state.keys().first_sequence()),
      keys_end_(next_key_ + facts_.keys) {
  RSTMDB_CHECK(state.walk_ == nullptr, "one walk at a time");
  state.walk_ = this;
}

StateWalk::~StateWalk() { state_.walk_ = nullptr; }

bool StateWalk::done() const {
  return !overtaken_ && next_definition_ == facts_.definitions && next_key_ == keys_end_ &&
         next_slot_ == facts_.instances;
}

void StateWalk::advance(size_t rows_max, size_t bytes_max) {
  const size_t stop_at = pending_bytes_ + bytes_max;
  for (size_t rows = 0; rows < rows_max && !overtaken_ && !done(); ++rows) {
    // Keys before instances: they are what writers drop all the time.
    if (next_definition_ < facts_.definitions) {
      emit_definition();
    } else if (next_key_ < keys_end_) {
      emit_key();
    } else {
      if (early_.count() == 0 || !early_.contains(next_slot_)) emit_instance(next_slot_);
      ++next_slot_;
    }
    if (pending_bytes_ >= stop_at) return;
  }
}

void StateWalk::before(const Record& record) {
  if (overtaken_) return;
  switch (record.kind) {
    case RecordKind::kFlushAll:
      overtaken_ = true;
      return;
    case RecordKind::kApplyEvent:
    case RecordKind::kDeleteInstance:
      if (const auto slot = state_.slot_of(record)) {
        if (*slot < next_slot_ || *slot >= facts_.instances || early_.contains(*slot)) break;
        emit_instance(*slot);
        early_.add(*slot);
      }
      break;
    case RecordKind::kPutMachine:
    case RecordKind::kCreateInstance:
    case RecordKind::kSnapshotInstance:
      break;  // add, or change nothing
  }
  if (next_key_ < keys_end_) emit_keys_dropped_by(record);
}

/// The table drops from its front, which is where the walk stands, so the order of keys is kept.
void StateWalk::emit_keys_dropped_by(const Record& record) {
  const Keys& keys = state_.keys();
  const uint64_t drops = keys.expired(record.ts) + record.key.evicted;
  const uint64_t end = std::min(keys_end_, keys.first_sequence() + drops);
  while (next_key_ < end) emit_key();
}

void StateWalk::emit_definition() {
  const size_t before = open_.bytes.size();
  const StoredDefinition& stored = state_.machines().at(next_definition_);
  append_row(open_.bytes, DefinitionRow{.index = next_definition_,
                                        .version = stored.version,
                                        .machine = stored.machine->name,
                                        .canonical = stored.definition.canonical()});
  ++next_definition_;
  emitted(before);
}

void StateWalk::emit_key() {
  const size_t before = open_.bytes.size();
  append_row(open_.bytes, state_.keys().row(next_key_));
  ++next_key_;
  emitted(before);
}

void StateWalk::emit_instance(Slot slot) {
  const size_t before = open_.bytes.size();
  append_row(open_.bytes, state_.instances().row(slot));
  emitted(before);
}

void StateWalk::emitted(size_t size_before) {
  pending_bytes_ += open_.bytes.size() - size_before;
  ++open_.rows;
  if (open_.bytes.size() < limits::kSnapshotBlockBytes) return;
  full_.push_back(std::exchange(open_, {}));
  open_.bytes.reserve(limits::kSnapshotBlockBytes + limits::kSnapshotBlockBytes / 8);
}

std::vector<RowBlock> StateWalk::take_blocks() {
  std::vector<RowBlock> blocks = std::exchange(full_, {});
  if (done() && open_.rows != 0) blocks.push_back(std::exchange(open_, {}));
  pending_bytes_ = open_.bytes.size();
  return blocks;
}

}  // namespace rstmdb::engine
