#include "engine/state_loader.h"

#include <utility>

#include "base/limits.h"

namespace rstmdb::engine {
namespace {

Error damaged(const char* reason) {
  return Error(Code::kInternalError, std::string("a row does not fit: ") + reason)
      .with("code", "ROW_DAMAGED")
      .with("reason", reason);
}

}  // namespace

StateLoader::StateLoader(const State::Options& options, const StateFacts& facts)
    : facts_(facts), state_(options) {
  state_.last_offset_ = facts.last_offset;
  state_.last_ts_ = facts.last_ts;
}

Result<void> StateLoader::add(const HashedRow& hashed) {
  const Row& row = hashed.row;
  if (const auto* instance = std::get_if<InstanceRow>(&row))
    return add_instance(*instance, hashed.hash);
  if (const auto* key = std::get_if<KeyRow>(&row)) return add_key(*key);
  return add_definition(std::get<DefinitionRow>(row), hashed.hash);
}

void StateLoader::prefetch(std::span<const HashedRow> rows) const {
  for (const HashedRow& row : rows) {
    if (const auto* instance = std::get_if<InstanceRow>(&row.row))
      state_.instances_->prefetch_place(instance->id());
  }
}

Result<void> StateLoader::add_definition(const DefinitionRow& row, const Hash128& hash) {
  Machines& machines = state_.machines_;
  if (row.index != machines.definition_count() || row.index >= facts_.definitions)
    return damaged("a definition is not in its place");
  if (row.machine.empty() || machines.find(row.machine, row.version) != nullptr)
    return damaged("a definition has no name of its own");
  json::Document document;
  if (!document.parse(row.canonical).ok()) return damaged("a definition is no JSON");
  Result<Definition> definition = Definition::parse(document.root());
  if (!definition.ok()) return damaged("a definition is refused");
  if (definition->canonical() != row.canonical)
    return damaged("a definition is not in its canonical form");
  machines.add(row.machine, row.version, std::move(definition).value());
  state_.machines_hash_ += hash;
  return {};
}

Result<void> StateLoader::add_instance(const InstanceRow& row, const Hash128& hash) {
  if (row.slot >= facts_.instances || row.slot >= limits::kInstancesMax)
    return damaged("an instance has a slot beyond the last one");
  if (row.last_offset > facts_.last_offset)
    return damaged("an instance has changed after the snapshot");
  if (!state_.instances_->restore(row, hash))
    return damaged("an instance comes twice, or another in its slot");
  state_.instances_hash_ += hash;
  ++instances_;
  return {};
}

Result<void> StateLoader::add_key(const KeyRow& row) {
  if (state_.keys_->count() >= facts_.keys) return damaged("there are more keys than announced");
  if (row.offset > facts_.last_offset) return damaged("a key was used after the snapshot");
  state_.keys_->restore(row);
  return {};
}

Result<void> StateLoader::enter_all() {
  if (state_.machines_.definition_count() != facts_.definitions)
    return damaged("definitions are missing");
  if (instances_ != facts_.instances) return damaged("instances are missing");
  if (state_.keys_->count() != facts_.keys) return damaged("keys are missing");
  RSTMDB_TRY(enter_instances());
  return check_keys();
}

Result<State> StateLoader::finish() {
  RSTMDB_TRY(enter_all());
  return finish(walk(0, slots()));
}

Result<State> StateLoader::finish(const Hash128& walked) {
  // The sums were made while the rows came; the walk finds what went wrong on the way into memory.
  if (state_.hash() != facts_.hash || state_.hash_by_walk(walked) != facts_.hash)
    return damaged("the state's hash is another");
  return std::move(state_);
}

/// Every slot is filled by now: as many rows as slots have come, and none twice.
Result<void> StateLoader::enter_instances() {
  for (Slot slot = 0; slot < state_.instances_->size(); ++slot) {
    const Instance& instance = state_.instances_->at(slot);
    if (instance.definition >= facts_.definitions)
      return damaged("an instance has a definition that is not there");
    const StoredDefinition& stored = state_.machines_.at(instance.definition);
    if (instance.state >= stored.definition.states().size())
      return damaged("an instance is in a state that its machine does not have");
    if (!instance.deleted()) state_.enter(slot, instance);
  }
  return {};
}

Result<void> StateLoader::check_keys() const {
  const Keys& keys = *state_.keys_;
  const uint64_t first = keys.first_sequence();
  for (uint64_t sequence = first; sequence < first + keys.count(); ++sequence) {
    const KeyRow row = keys.row(sequence);
    if (row.definition >= facts_.definitions)
      return damaged("a key has a definition that is not there");
    const size_t states = state_.machines_.at(row.definition).definition.states().size();
    if (row.from >= states || row.to >= states)
      return damaged("a key has a state that its machine does not have");
  }
  return {};
}

}  // namespace rstmdb::engine
