#include "watch/change.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "json/writer.h"

namespace rstmdb::watch {
namespace {

void write_text(json::Writer& writer, std::string_view name, std::string_view text) {
  writer.key(name);
  if (text.empty()) {
    writer.null();
  } else {
    writer.value(text);
  }
}

/// Fills in what a record of release 0.1 leaves out.
void find_origin(Change& change, const engine::Record& record, const engine::State& state) {
  const auto slot = state.instances().find(record.instance_id);
  if (!slot) return;
  const engine::Instance& instance = state.instances().at(*slot);
  // After FLUSH_ALL, another instance may have taken the id.
  if (instance.created_at > record.ts) return;
  const engine::StoredDefinition& stored = state.machines().at(instance.definition);
  change.machine = stored.machine->name;
  change.version = stored.version;
  if (change.kind == ChangeKind::kDelete) change.from_state = stored.state_name(instance.state);
}

}  // namespace

std::string_view kind_name(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kTransition:
      return "transition";
    case ChangeKind::kCreate:
      return "create";
    case ChangeKind::kDelete:
      return "delete";
  }
  check_failed(__FILE__, __LINE__, "known kind of change", "");
}

std::optional<ChangeKind> find_kind(std::string_view name) {
  for (const ChangeKind kind : kChangeKinds) {
    if (kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::optional<Change> change_of(const engine::Record& record, const engine::State& state) {
  Change change;
  switch (record.kind) {
    case engine::RecordKind::kApplyEvent:
      change.kind = ChangeKind::kTransition;
      break;
    case engine::RecordKind::kCreateInstance:
      change.kind = ChangeKind::kCreate;
      break;
    case engine::RecordKind::kDeleteInstance:
      change.kind = ChangeKind::kDelete;
      break;
    case engine::RecordKind::kPutMachine:
    case engine::RecordKind::kFlushAll:
    case engine::RecordKind::kSnapshotInstance:
      return std::nullopt;
  }
  change.offset = record.offset;
  change.instance_id = record.instance_id;
  change.machine = record.machine;
  change.version = record.version;
  change.from_state = record.from_state;
  change.to_state = record.to_state;
  change.event = record.event;
  change.payload = record.payload;
  change.context = record.context;
  if (!record.has_origin()) find_origin(change, record, state);
  return change;
}

TextForms append_text(std::string& out, const Change& change) {
  const size_t start = out.size();
  wire::begin_event(out);
  out.push_back(',');
  json::Writer writer(out);
  writer.member("instance_id", change.instance_id)
      .member("machine", change.machine)
      .member("version", change.version)
      .member("wal_offset", change.offset);
  write_text(writer, "from_state", change.from_state);
  write_text(writer, "to_state", change.to_state);
  write_text(writer, "event", change.event);
  // An event without a payload has an empty one; what is no event has none.
  const std::string_view none = change.kind == ChangeKind::kTransition ? "{}" : "null";
  writer.member("payload", json::RawJson{change.payload.empty() ? none : change.payload});
  const size_t lean_end = out.size();
  writer.member("ctx", json::RawJson{change.context.empty() ? "null" : change.context});
  const std::string_view lean = std::string_view(out).substr(start, lean_end - start);
  const std::string_view context = std::string_view(out).substr(lean_end);
  TextForms forms;
  forms.lean_bytes = static_cast<uint32_t>(lean.size());
  forms.full_bytes = static_cast<uint32_t>(lean.size() + context.size());
  forms.lean_crc = crc32c(lean);
  forms.full_crc = crc32c(context, forms.lean_crc);
  return forms;
}

}  // namespace rstmdb::watch
