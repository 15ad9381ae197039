#include "engine/state.h"

#include "base/check.h"
#include "engine/rows.h"
#include "engine/state_walk.h"

namespace rstmdb::engine {
namespace {

Hash128 definition_hash(const StoredDefinition& stored) {
  return DefinitionRow{.version = stored.version,
                       .machine = stored.machine->name,
                       .canonical = stored.definition.canonical()}
      .hash();
}

StateIndex known_state(const Definition& definition, std::string_view name) {
  const auto state = definition.find_state(name);
  RSTMDB_CHECK(state.has_value(), name);
  return *state;
}

}  // namespace

KeyScope key_scope(const Record& record) {
  // Only a create whose id the server chose is scoped to its machine; the record says so by its
  // generated flag.
  const bool by_machine = record.kind == RecordKind::kCreateInstance && record.generated_id;
  return {record.kind, by_machine ? record.machine : record.instance_id, record.key.key};
}

State::State(const Options& options)
    : options_(options),
      instances_(std::make_unique<Instances>(options.hash_seed)),
      keys_(std::make_unique<Keys>(options.hash_seed)) {}

void State::apply(const Record& record) {
  RSTMDB_CHECK(record.offset == last_offset_ + 1, "records are folded in order, each once");
  RSTMDB_CHECK(record.ts >= last_ts_, "time in the log never goes back");
  if (walk_ != nullptr) [[unlikely]]
    walk_->before(record);
  last_offset_ = record.offset;
  last_ts_ = record.ts;
  keys_->expire(record.ts);
  keys_->evict_oldest(record.key.evicted);
  switch (record.kind) {
    case RecordKind::kPutMachine:
      return put_machine(record);
    case RecordKind::kCreateInstance:
      return create_instance(record);
    case RecordKind::kApplyEvent:
      return apply_event(record);
    case RecordKind::kDeleteInstance:
      return delete_instance(record);
    case RecordKind::kFlushAll:
      return flush_all();
    case RecordKind::kSnapshotInstance:
      return;  // only says what there was
  }
  check_failed(__FILE__, __LINE__, "known record kind", "");
}

void State::put_machine(const Record& record) {
  json::Document document;
  const Result<void> parsed = document.parse(record.context);
  RSTMDB_CHECK(parsed.ok(), parsed.error().to_string());
  Result<Definition> definition = Definition::parse(document.root());
  RSTMDB_CHECK(definition.ok(), definition.error().to_string());
  const DefinitionIndex index =
      machines_.add(record.machine, record.version, std::move(definition).value());
  machines_hash_ += definition_hash(machines_.at(index));
}

void State::create_instance(const Record& record) {
  const Machine* machine = machines_.find(record.machine);
  RSTMDB_CHECK(machine != nullptr, record.machine);
  const auto version = machine->versions.find(record.version);
  RSTMDB_CHECK(version != machine->versions.end(), record.machine);
  const StoredDefinition& stored = machines_.at(version->second);

  const Slot slot = instances_->add(record.instance_id, record.context);
  Instance& instance = instances_->at(slot);
  instance.definition = version->second;
  instance.state = known_state(stored.definition, record.to_state);
  instance.created_at = record.ts;
  instance.updated_at = record.ts;
  instance.last_offset = record.offset;
  instance.seal();
  instances_hash_ += instance.hash();

  enter(slot, instance);

  KeyResult result;
  result.definition = instance.definition;
  result.to = instance.state;
  remember_key(record, std::move(result));
}

void State::apply_event(const Record& record) {
  const Slot slot = living(record);
  Instance& instance = instances_->at(slot);
  StoredDefinition& stored = machines_.at(instance.definition);
  instances_hash_ -= instance.hash();

  const StateIndex from = instance.state;
  RSTMDB_CHECK(stored.state_name(from) == record.from_state, record.from_state);
  instance.state = known_state(stored.definition, record.to_state);
  instance.updated_at = record.ts;
  instance.last_offset = record.offset;
  instance.set_texts(instance.id(), record.context,
                     record.event_id.empty() ? instance.last_event_id() : record.event_id);
  instance.seal();
  instances_hash_ += instance.hash();
  if (from != instance.state) {
    stored.leave(from, slot);
    stored.enter(instance.state, slot);
  }

  KeyResult result;
  result.definition = instance.definition;
  result.from = from;
  result.to = instance.state;
  result.event_id = record.event_id;
  if (!record.key.key.empty()) result.context = record.context;
  remember_key(record, std::move(result));
}

void State::delete_instance(const Record& record) {
  const Slot slot = living(record);
  Instance& instance = instances_->at(slot);
  instances_hash_ -= instance.hash();
  live_.remove(slot);
  StoredDefinition& stored = machines_.at(instance.definition);
  stored.machine->members.remove(slot);
  stored.leave(instance.state, slot);
  instance.set_texts(instance.id(), {}, {});
  instance.set_deleted();
  instance.updated_at = record.ts;
  instance.last_offset = record.offset;
  instance.seal();
  instances_hash_ += instance.hash();
}

void State::flush_all() {
  instances_ = std::make_unique<Instances>(options_.hash_seed);
  keys_ = std::make_unique<Keys>(options_.hash_seed);
  machines_ = Machines();
  live_ = SlotSet();
  machines_hash_ = {};
  instances_hash_ = {};
}

void State::remember_key(const Record& record, KeyResult result) {
  if (record.key.key.empty()) return;
  result.fingerprint = record.key.fingerprint;
  result.expires_at = record.key.expires_at;
  result.offset = record.offset;
  result.instance_id = record.instance_id;
  keys_->add(key_scope(record), std::move(result));
}

std::optional<Slot> State::slot_of(const Record& record) const {
  if (!record.slot) return instances_->find(record.instance_id);
  RSTMDB_CHECK(*record.slot < instances_->size(), record.instance_id);
  RSTMDB_CHECK(instances_->at(*record.slot).id() == record.instance_id, record.instance_id);
  return record.slot;
}

Slot State::living(const Record& record) const {
  const auto slot = slot_of(record);
  RSTMDB_CHECK(slot.has_value(), record.instance_id);
  RSTMDB_CHECK(!instances_->at(*slot).deleted(), record.instance_id);
  return *slot;
}

void State::enter(Slot slot, const Instance& instance) {
  live_.add(slot);
  StoredDefinition& stored = machines_.at(instance.definition);
  stored.machine->members.add(slot);
  stored.enter(instance.state, slot);
}

StateFacts State::facts() const {
  return {.last_offset = last_offset_,
          .last_ts = last_ts_,
          .definitions = machines_.definition_count(),
          .instances = instances_->size(),
          .keys = keys_->count(),
          .hash = hash()};
}

Hash128 State::hash() const {
  Hash128 sum = machines_hash_;
  sum += instances_hash_;
  sum += keys_->hash();
  sum += position_hash(last_offset_, last_ts_);
  return sum;
}

Hash128 State::hash_by_walk() const {
  return hash_by_walk(instances_->hash_by_walk(0, instances_->size()));
}

Hash128 State::hash_by_walk(const Hash128& instances) const {
  Hash128 sum = keys_->hash_by_walk();
  for (DefinitionIndex i = 0; i < machines_.definition_count(); ++i) {
    sum += definition_hash(machines_.at(i));
  }
  sum += instances;
  sum += position_hash(last_offset_, last_ts_);
  return sum;
}

}  // namespace rstmdb::engine
