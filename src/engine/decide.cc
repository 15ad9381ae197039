#include "engine/decide.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "json/scan.h"
#include "json/writer.h"

namespace rstmdb::engine {
namespace {

/// Fingerprint of a request's parameters: texts with their lengths, JSON without regard to member
/// order.
class Fingerprint {
 public:
  Fingerprint& text(std::string_view text) {
    append_text(bytes_, text);
    return *this;
  }
  Fingerprint& number(uint64_t number) {
    append_varint(bytes_, number);
    return *this;
  }
  /// What is longer than a context may be is refused further on, so that it never stands against
  /// anything; sorting it would cost its size once for each level.
  Fingerprint& json(std::string_view json) {
    if (json.size() > limits::kContextBytesMax) {
      bytes_.append(json);
    } else if (!json.empty()) {
      json::append_sorted(bytes_, json);
    }
    bytes_.push_back('\0');
    return *this;
  }
  Hash128 hash() const { return hash128(bytes_); }

 private:
  std::string bytes_;
};

/// For a fingerprint: 0 stands for no expectation, so one of offset 0 needs another number.
uint64_t expected_offset_fact(const ApplyEvent& command) {
  if (!command.expected_offset) return 0;
  return *command.expected_offset != 0 ? *command.expected_offset : UINT64_MAX;
}

/// With `payload` in place of the command's. None and {} are one request, with the fingerprint of
/// none; up to 0.2.0 each had its own, and may stand in a data folder.
Hash128 fingerprint_of(const ApplyEvent& command, std::string_view payload) {
  return Fingerprint()
      .text(command.event)
      .json(payload)
      .text(command.expected_state.value_or(""))
      .number(expected_offset_fact(command))
      .text(command.event_id)
      .hash();
}

Error instance_not_found(std::string_view id) {
  return Error(Code::kInstanceNotFound, "there is no instance \"" + std::string(id) + "\"")
      .with("instance_id", id);
}

Error context_too_large(std::string_view path, size_t size) {
  return Error(Code::kBadRequest, "the context would be longer than 1 MiB")
      .with("path", path)
      .with("size", static_cast<int64_t>(size))
      .with("limit", static_cast<int64_t>(limits::kContextBytesMax));
}

Result<void> check_expectations(const ApplyEvent& command, const InstanceView& instance,
                                std::string_view state_name) {
  if (command.expected_state && *command.expected_state != state_name) {
    return Error(Code::kConflict, "the instance is in state \"" + std::string(state_name) +
                                      "\", not in \"" + std::string(*command.expected_state) + "\"")
        .with("expected_state", *command.expected_state)
        .with("actual_state", state_name);
  }
  if (command.expected_offset && *command.expected_offset != instance.last_offset) {
    return Error(Code::kConflict, "the instance has changed since the expected offset")
        .with("expected_offset", static_cast<int64_t>(*command.expected_offset))
        .with("actual_offset", static_cast<int64_t>(instance.last_offset));
  }
  return {};
}

Error guards_too_costly(std::string_view state, std::string_view event) {
  return Error(Code::kBadRequest,
               "the guards for this event would read more of the context than one event may")
      .with("path", "event")
      .with("limit", static_cast<int64_t>(limits::kGuardWorkBytesMax))
      .with("state", state)
      .with("event", event);
}

/// The first transition whose guard holds, by definition order.
Result<const Edge*> choose_edge(const Definition& definition, const InstanceView& instance,
                                std::string_view event) {
  const std::string_view state = definition.states()[instance.state];
  const std::span<const Edge> edges = definition.edges_for(instance.state, event);
  if (edges.empty()) {
    return Error(Code::kInvalidTransition, "state \"" + std::string(state) +
                                               "\" has no transition for event \"" +
                                               std::string(event) + "\"")
        .with("current_state", state)
        .with("event", event);
  }
  uint64_t work = limits::kGuardWorkBytesMax;
  for (const Edge& edge : edges) {
    if (edge.guard == Edge::kNoGuard) return &edge;
    const auto holds = definition.guards()[edge.guard].holds(instance.context, work);
    if (!holds) return guards_too_costly(state, event);
    if (*holds) return &edge;
  }
  const std::string& first = definition.guards()[edges.front().guard].text();
  return Error(Code::kGuardFailed,
               edges.size() == 1 ? "the transition's guard does not hold: " + first
                                 : "none of the transitions' guards holds; the first is: " + first)
      .with("guard", first)
      .with("guards_tried", static_cast<int64_t>(edges.size()))
      .with("current_state", state)
      .with("event", event);
}

}  // namespace

Record Decider::blank(RecordKind kind) const {
  Record record;
  record.kind = kind;
  record.offset = draft.next_offset();
  record.ts = stamp.now_ms;
  record.actor = stamp.actor;
  record.trace_id = stamp.trace_id;
  return record;
}

Result<std::optional<Outcome>> Decider::replay(const KeyScope& scope, const Hash128& fingerprint,
                                               const Hash128& older_fingerprint) const {
  const auto first = draft.find_key(scope, stamp.now_ms);
  if (!first) return std::optional<Outcome>();
  if (first->fingerprint != fingerprint && first->fingerprint != older_fingerprint) {
    return Error(Code::kConflict, "the idempotency key was used before with other parameters")
        .with("code", "IDEMPOTENCY_MISMATCH")
        .with("idempotency_key", scope.key)
        .with("first_offset", static_cast<int64_t>(first->offset));
  }
  Outcome outcome;
  outcome.offset = first->offset;
  outcome.instance_id = first->instance_id;
  outcome.from_state = first->from_state;
  outcome.to_state = first->to_state;
  outcome.context = first->context;
  outcome.event_id = first->event_id;
  return std::optional(outcome);
}

void Decider::add(Record& record, const Hash128& fingerprint) const {
  if (!record.key.key.empty()) {
    record.key.fingerprint = fingerprint;
    record.key.expires_at = stamp.now_ms + bounds.key_ttl_ms;
    record.key.evicted = draft.make_room_for_key(record, bounds.keys_max, bounds.keys_bytes_max);
  }
  draft.add(record);
}

Result<PutOutcome> Decider::decide(const PutMachine& command) const {
  const Definition& definition = *command.definition;
  if (!command.expected_checksum.empty() && command.expected_checksum != definition.checksum()) {
    return Error(Code::kConflict, "the checksum is not that of the definition's canonical form")
        .with("expected_checksum", command.expected_checksum)
        .with("actual_checksum", definition.checksum());
  }
  const Machines& machines = draft.state().machines();
  if (const StoredDefinition* same = machines.find(command.machine, command.version)) {
    if (same->definition.checksum() == definition.checksum()) return PutOutcome{};
    return Error(Code::kMachineVersionExists,
                 "this version exists with another definition; give the new one a new version")
        .with("machine", command.machine)
        .with("version", command.version)
        .with("stored_checksum", same->definition.checksum());
  }
  const Machine* machine = machines.find(command.machine);
  if (machine != nullptr && machine->versions.size() >= bounds.machine_versions_max) {
    return Error(Code::kMachineVersionLimitExceeded, "the machine has as many versions as allowed")
        .with("machine", command.machine)
        .with("limit", static_cast<int64_t>(bounds.machine_versions_max));
  }
  if (machine == nullptr && machines.by_name().size() >= limits::kMachinesMax) {
    return Error(Code::kRateLimited, "the server holds as many machines as allowed")
        .with("limit", static_cast<int64_t>(limits::kMachinesMax));
  }
  Record record = blank(RecordKind::kPutMachine);
  record.machine = command.machine;
  record.version = command.version;
  record.checksum = definition.checksum();
  record.context = definition.canonical();
  draft.add(record);
  return PutOutcome{true, record.offset};
}

Result<Outcome> Decider::decide(const CreateInstance& command) const {
  Record record = blank(RecordKind::kCreateInstance);
  record.generated_id = command.instance_id.empty();
  record.instance_id = record.generated_id ? command.generated_id : command.instance_id;
  record.machine = command.machine;
  record.version = command.version;
  record.context = command.context;
  record.key.key = command.key;

  Hash128 fingerprint;
  if (!command.key.empty()) {
    fingerprint = Fingerprint()
                      .text(command.machine)
                      .number(command.version)
                      .text(command.instance_id)
                      .json(command.context)
                      .hash();
    RSTMDB_ASSIGN(const auto first, replay(key_scope(record), fingerprint, fingerprint));
    if (first) return *first;
  }
  const StoredDefinition* stored = draft.state().machines().find(command.machine, command.version);
  if (stored == nullptr) {
    return Error(Code::kMachineNotFound, "there is no version " + std::to_string(command.version) +
                                             " of machine \"" + std::string(command.machine) + "\"")
        .with("machine", command.machine)
        .with("version", command.version);
  }
  if (const auto known = draft.find_instance(record.instance_id)) {
    return Error(Code::kInstanceExists,
                 known->deleted
                     ? "the id belonged to an instance that was deleted; ids are not reused"
                     : "there is an instance with this id already")
        .with("instance_id", record.instance_id);
  }
  if (command.context.size() > limits::kContextBytesMax) {
    return context_too_large("initial_ctx", command.context.size());
  }
  // Deleted instances count: their ids stay taken. A batch adds at most its own operations.
  if (draft.state().instances().size() >= limits::kInstancesMax - limits::kBatchOperationsMax) {
    return Error(Code::kRateLimited, "the server holds as many instances as it can")
        .with("limit", int64_t{limits::kInstancesMax});
  }
  record.to_state = stored->state_name(stored->definition.initial());
  add(record, fingerprint);

  Outcome outcome;
  outcome.applied = true;
  outcome.offset = record.offset;
  outcome.instance_id = record.instance_id;
  outcome.to_state = record.to_state;
  return outcome;
}

Result<Outcome> Decider::decide(const ApplyEvent& command) const {
  const auto instance = draft.find_instance(command.instance_id);
  if (!instance || instance->deleted) return instance_not_found(command.instance_id);

  Record record = blank(RecordKind::kApplyEvent);
  record.instance_id = command.instance_id;
  record.slot = instance->slot;
  record.previous_of_instance = instance->last_offset;
  record.event = command.event;
  record.event_id = command.event_id;
  record.payload = command.payload;
  record.key.key = command.key;

  Hash128 fingerprint;
  if (!command.key.empty()) {
    const std::string_view payload = command.payload == "{}" ? "" : command.payload;
    fingerprint = fingerprint_of(command, payload);
    RSTMDB_ASSIGN(const auto first,
                  replay(key_scope(record), fingerprint,
                         payload.empty() ? fingerprint_of(command, "{}") : fingerprint));
    if (first) return *first;
  }
  const StoredDefinition& stored = draft.state().machines().at(instance->definition);
  record.machine = stored.machine->name;
  record.version = stored.version;
  record.from_state = stored.state_name(instance->state);
  RSTMDB_TRY(check_expectations(command, *instance, record.from_state));
  RSTMDB_ASSIGN(const Edge* edge, choose_edge(stored.definition, *instance, command.event));
  record.to_state = stored.state_name(edge->to);

  std::string& context = draft.keep();
  if (command.payload.empty()) {
    context = instance->context;
  } else {
    json::append_merged(context, instance->context, command.payload);
  }
  if (context.size() > limits::kContextBytesMax)
    return context_too_large("payload", context.size());
  record.context = context;
  add(record, fingerprint);

  Outcome outcome;
  outcome.applied = true;
  outcome.offset = record.offset;
  outcome.instance_id = record.instance_id;
  outcome.from_state = record.from_state;
  outcome.to_state = record.to_state;
  outcome.context = record.context;
  outcome.event_id = record.event_id;
  return outcome;
}

Result<Outcome> Decider::decide(const DeleteInstance& command) const {
  const auto instance = draft.find_instance(command.instance_id);
  if (!instance) return instance_not_found(command.instance_id);

  Outcome outcome;
  outcome.instance_id = command.instance_id;
  outcome.offset = instance->last_offset;
  if (instance->deleted) return outcome;

  const StoredDefinition& stored = draft.state().machines().at(instance->definition);
  Record record = blank(RecordKind::kDeleteInstance);
  record.instance_id = command.instance_id;
  record.slot = instance->slot;
  record.previous_of_instance = instance->last_offset;
  record.machine = stored.machine->name;
  record.version = stored.version;
  record.from_state = stored.state_name(instance->state);
  // The key is kept in the log for whoever reads it; deleting is repeatable by itself.
  record.key.key = command.key;
  draft.add(record);
  outcome.applied = true;
  outcome.offset = record.offset;
  return outcome;
}

Result<Outcome> Decider::decide(const SnapshotInstance& command) const {
  const auto slot = draft.state().instances().find(command.instance_id);
  if (!slot || draft.state().instances().at(*slot).deleted())
    return instance_not_found(command.instance_id);
  const Instance& instance = draft.state().instances().at(*slot);
  const StoredDefinition& stored = draft.state().machines().at(instance.definition);
  Record record = blank(RecordKind::kSnapshotInstance);
  record.instance_id = command.instance_id;
  record.snapshot_id = command.snapshot_id;
  // In the order of their names, so that equal instances have equal documents.
  std::string& document = draft.keep();
  json::Writer writer(document);
  writer.open_object()
      .member("created_at", instance.created_at)
      .member("ctx", json::RawJson{instance.context()})
      .member("instance_id", instance.id());
  if (!instance.last_event_id().empty()) writer.member("last_event_id", instance.last_event_id());
  writer.member("last_wal_offset", instance.last_offset)
      .member("machine", std::string_view(stored.machine->name))
      .member("state", std::string_view(stored.state_name(instance.state)))
      .member("updated_at", instance.updated_at)
      .member("version", stored.version)
      .close_object();
  record.context = document;
  draft.add(record);

  Outcome outcome;
  outcome.applied = true;
  outcome.offset = record.offset;
  outcome.instance_id = command.instance_id;
  outcome.context = record.context;
  return outcome;
}

Outcome Decider::decide(const FlushAll&) const {
  const Record record = blank(RecordKind::kFlushAll);
  draft.add(record);
  Outcome outcome;
  outcome.applied = true;
  outcome.offset = record.offset;
  return outcome;
}

}  // namespace rstmdb::engine
