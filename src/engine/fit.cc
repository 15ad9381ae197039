#include "engine/fit.h"

#include <string>

#include "base/limits.h"

namespace rstmdb::engine {
namespace {

Error misfit(const Record& record, std::string_view reason) {
  return Error(Code::kInternalError, "a record does not fit the ones before it")
      .with("code", "RECORD_DAMAGED")
      .with("offset", static_cast<int64_t>(record.offset))
      .with("reason", reason);
}

Result<void> put_fits(const State& state, const Record& record) {
  if (state.machines().find(record.machine, record.version) != nullptr)
    return misfit(record, "this version of the machine is there already");
  json::Document document;
  if (!document.parse(record.context).ok()) return misfit(record, "its definition is no JSON");
  auto definition = Definition::parse(document.root());
  if (!definition.ok()) return misfit(record, definition.error().message());
  return {};
}

Result<void> create_fits(const State& state, const Record& record) {
  const StoredDefinition* stored = state.machines().find(record.machine, record.version);
  if (stored == nullptr) return misfit(record, "there is no such version of the machine");
  if (!stored->definition.find_state(record.to_state))
    return misfit(record, "the machine has no such state");
  if (state.instances().find(record.instance_id))
    return misfit(record, "the instance is there already");
  if (state.instances().size() >= limits::kInstancesMax) return misfit(record, "one too many");
  return {};
}

/// The instance that an apply, a delete or a snapshot is about.
Result<const Instance*> living(const State& state, const Record& record) {
  const auto slot = state.instances().find(record.instance_id);
  if (!slot) return misfit(record, "there is no such instance");
  const Instance& instance = state.instances().at(*slot);
  if (instance.deleted()) return misfit(record, "the instance is deleted");
  const uint64_t link = record.previous_of_instance;
  if (link != 0 && link != instance.last_offset)
    return misfit(record, "its link does not lead to the instance's last record");
  return &instance;
}

Result<void> event_fits(const State& state, const Record& record) {
  RSTMDB_ASSIGN(const Instance* instance, living(state, record));
  const StoredDefinition& stored = state.machines().at(instance->definition);
  if (stored.state_name(instance->state) != record.from_state)
    return misfit(record, "the instance is in another state");
  if (!stored.definition.find_state(record.to_state))
    return misfit(record, "the machine has no such state");
  return {};
}

}  // namespace

Result<void> fits(const State& state, const Record& record) {
  if (record.offset != state.last_offset() + 1) return misfit(record, "another offset is due");
  if (record.ts < state.last_ts()) return misfit(record, "its time is before the last record's");
  switch (record.kind) {
    case RecordKind::kPutMachine:
      return put_fits(state, record);
    case RecordKind::kCreateInstance:
      return create_fits(state, record);
    case RecordKind::kApplyEvent:
      return event_fits(state, record);
    case RecordKind::kSnapshotInstance:
    case RecordKind::kDeleteInstance: {
      RSTMDB_ASSIGN(const Instance* instance, living(state, record));
      static_cast<void>(instance);
      return {};
    }
    case RecordKind::kFlushAll:
      return {};
  }
  return misfit(record, "an unknown kind");
}

}  // namespace rstmdb::engine
