#include "admin/import_rows.h"

#include <utility>

#include "admin/import_line.h"
#include "admin/record_kinds.h"
#include "base/limits.h"
#include "engine/keys.h"

namespace rstmdb::admin {
namespace {

Error incomplete(std::string_view what) {
  return Error(Code::kBadRequest, std::string(what)).with("reason", what);
}

}  // namespace

struct ImportRows::Line : ImportLine {};

ImportRows::ImportRows(int64_t now_ms) : line_(std::make_unique<Line>()) {
  facts_.last_ts = now_ms;
}

ImportRows::~ImportRows() = default;

Error ImportRows::too_long() const {
  const std::string line = std::to_string(lines_ + 1);
  return Error(Code::kBadRequest, "line " + line + ": has more than " +
                                      std::to_string(limits::kImportLineBytesMax) + " bytes")
      .with("line", static_cast<int64_t>(lines_ + 1))
      .with("limit", static_cast<int64_t>(limits::kImportLineBytesMax))
      .with("reason", "too long");
}

Result<void> ImportRows::add_line(std::string_view text) {
  if (text.size() > limits::kImportLineBytesMax) return too_long();
  ++lines_;
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  Line& line = *line_;
  RSTMDB_TRY(line.parse(text, lines_));
  if (has_end_) return line.fault("", "there is a line behind the last one");
  if (line.has("rstmdb_export")) return add_header(line);
  if (line.has("end")) return add_end(line);
  if (line.has("key")) return add_key(line);
  if (line.has("instance")) return add_instance(line);
  if (line.has("machine")) return add_machine(line);
  return line.fault("", "a line has one of these: machine, instance, key, end, rstmdb_export");
}

template <class Row>
void ImportRows::add_row(const Row& row) {
  if (blocks_.empty() || blocks_.back().bytes.size() >= limits::kSnapshotBlockBytes)
    blocks_.emplace_back();
  engine::append_row(blocks_.back().bytes, row);
  blocks_.back().rows += 1;
  sum_ += row.hash();
  ++rows_;
}

Result<void> ImportRows::add_header(const Line& line) {
  RSTMDB_TRY(line.expect_only({"rstmdb_export", "version", "database", "offset", "ts", "chain",
                               "versions", "instances", "tombstones", "keys"}));
  if (has_header_ || rows_ != 0) return line.fault("rstmdb_export", "this is only the first line");
  RSTMDB_ASSIGN(const uint64_t format, line.whole("rstmdb_export", std::nullopt));
  if (format != 1) return line.fault("rstmdb_export", "this program knows format 1 alone");
  RSTMDB_ASSIGN(facts_.last_offset, line.whole("offset", std::nullopt));
  if (facts_.last_offset == limits::kOffsetMax)
    return line.fault("offset", "there is no offset behind this one for the log to begin with");
  RSTMDB_ASSIGN(const uint64_t ts, line.whole("ts", std::nullopt));
  facts_.last_ts = static_cast<int64_t>(ts);
  if (facts_.last_offset == 0 && ts != 0)
    return line.fault("ts", "without a record there is no time of the last one");
  RSTMDB_ASSIGN(chain_.value, line.hex64("chain"));
  has_header_ = true;
  return {};
}

Result<void> ImportRows::add_machine(const Line& line) {
  RSTMDB_TRY(line.expect_only({"machine", "version", "definition"}));
  if (has_header_ && facts_.last_offset == 0)
    return line.fault("machine", "the first line says that nothing has happened yet");
  RSTMDB_ASSIGN(const std::string_view name, line.name("machine"));
  auto& versions = machines_[std::string(name)];
  if (machines_.size() > limits::kMachinesMax)
    return line.fault("machine", "more machines than a database can have");
  const uint64_t next = versions.empty() ? 1 : versions.rbegin()->first + 1;
  RSTMDB_ASSIGN(const uint64_t version, line.whole("version", next));
  if (version < 1 || version > limits::kMachineVersionMax)
    return line.fault("version", "a version is a number from 1 to 2147483647");
  if (versions.contains(static_cast<uint32_t>(version)))
    return line.fault("version", "this version of the machine was there before");
  // Unlike a context, it came in one request; a start reads it like one.
  if (const json::Value text = line["definition"]; text) {
    json::Document alone;
    if (const auto parsed = alone.parse(text.text()); !parsed.ok())
      return line.fault("definition", parsed.error().message());
  }
  auto definition = engine::Definition::parse(line["definition"]);
  if (!definition.ok())
    return line.fault("definition", std::string(definition.error().detail("path")) + ": " +
                                        definition.error().message());
  const engine::DefinitionRow row{
      .index = static_cast<engine::DefinitionIndex>(facts_.definitions++),
      .version = static_cast<uint32_t>(version),
      .machine = name,
      .canonical = definition->canonical()};
  add_row(row);
  versions.emplace(row.version,
                   Known{.index = row.index, .definition = std::move(definition).value()});
  return {};
}

Result<const ImportRows::Known*> ImportRows::machine_of(const Line& line) const {
  RSTMDB_ASSIGN(const std::string_view name, line.name("machine"));
  const auto machine = machines_.find(name);
  if (machine == machines_.end()) return line.fault("machine", "no line before has this machine");
  const auto& versions = machine->second;
  RSTMDB_ASSIGN(const uint64_t version, line.whole("version", versions.rbegin()->first));
  const auto found =
      version > UINT32_MAX ? versions.end() : versions.find(static_cast<uint32_t>(version));
  if (found == versions.end())
    return line.fault("version", "no line before has this version of the machine");
  return &found->second;
}

Result<engine::StateIndex> ImportRows::state_of(const Line& line, std::string_view member,
                                                const engine::Definition& definition) const {
  RSTMDB_ASSIGN(const std::string_view name, line.text(member));
  const auto state = definition.find_state(name);
  if (!state) return line.fault(member, "the machine has no such state");
  return *state;
}

Result<uint64_t> ImportRows::offset_of(const Line& line) const {
  // Without a header, each line counts as the record that it would have taken.
  if (!has_header_) {
    if (line.has("offset"))
      return line.fault("offset", "there is no offset without a line that says the last one");
    return rows_ + 1;
  }
  RSTMDB_ASSIGN(const uint64_t offset, line.whole("offset", facts_.last_offset));
  if (offset > facts_.last_offset || offset == 0)
    return line.fault("offset", "the first line says that the last offset is " +
                                    std::to_string(facts_.last_offset));
  return offset;
}

Result<int64_t> ImportRows::time_of(const Line& line, std::string_view member,
                                    int64_t otherwise) const {
  RSTMDB_ASSIGN(const uint64_t time, line.whole(member, static_cast<uint64_t>(otherwise)));
  if (static_cast<int64_t>(time) > facts_.last_ts)
    return line.fault(
        member, has_header_ ? "this is later than the first line's ts" : "this lies in the future");
  return static_cast<int64_t>(time);
}

Result<std::string_view> ImportRows::context_of(const Line& line) const {
  const json::Value context = line["ctx"];
  if (!context) return std::string_view("{}");
  if (!context.is_object()) return line.fault("ctx", "a context is an object");
  if (context.text().size() > limits::kContextBytesMax)
    return line.fault(
        "ctx", "a context has at most " + std::to_string(limits::kContextBytesMax) + " bytes");
  return context.text();
}

Result<void> ImportRows::add_instance(const Line& line) {
  RSTMDB_TRY(line.expect_only({"instance", "machine", "version", "state", "deleted", "ctx",
                               "created_at", "updated_at", "offset", "event_id"}));
  RSTMDB_ASSIGN(const std::string_view id, line.name("instance"));
  RSTMDB_ASSIGN(const Known* machine, machine_of(line));
  engine::InstanceRow row;
  row.slot = static_cast<engine::Slot>(facts_.instances);
  row.definition = machine->index;
  row.state = machine->definition.initial();
  if (line.has("state")) {
    RSTMDB_ASSIGN(row.state, state_of(line, "state", machine->definition));
  }
  RSTMDB_ASSIGN(row.deleted, line.flag("deleted"));
  if (row.deleted && line.has("ctx")) return line.fault("ctx", "a deleted instance has no context");
  RSTMDB_ASSIGN(const std::string_view context, context_of(line));
  RSTMDB_ASSIGN(row.created_at, time_of(line, "created_at", facts_.last_ts));
  RSTMDB_ASSIGN(row.updated_at, time_of(line, "updated_at", row.created_at));
  if (row.updated_at < row.created_at)
    return line.fault("updated_at", "this is before the instance was created");
  RSTMDB_ASSIGN(row.last_offset, offset_of(line));
  std::string_view event_id;
  if (line.has("event_id")) {
    RSTMDB_ASSIGN(event_id, line.name("event_id"));
  }
  if (!ids_.insert(hash128(id)).second)
    return line.fault("instance", "a line before has this instance");
  if (facts_.instances >= limits::kInstancesMax)
    return line.fault("instance", "more instances than a database can have");

  texts_.assign(id);
  if (!row.deleted) texts_.append(context);
  texts_.append(event_id);
  row.id_size = id.size();
  row.context_size = row.deleted ? 0 : context.size();
  row.texts = texts_;
  add_row(row);
  ++facts_.instances;
  if (row.deleted) ++tombstones_;
  return {};
}

Result<void> ImportRows::add_key(const Line& line) {
  RSTMDB_TRY(line.expect_only({"key", "operation", "subject", "fingerprint", "expires_at", "offset",
                               "machine", "version", "from", "to", "instance", "ctx", "event_id"}));
  if (!has_header_) return line.fault("key", "there is no key without a line that says the offset");
  engine::KeyScope scope;
  RSTMDB_ASSIGN(scope.key, line.name("key"));
  RSTMDB_ASSIGN(scope.subject, line.name("subject"));
  RSTMDB_ASSIGN(const std::string_view operation, line.text("operation"));
  const auto kind = record_kind_of(operation);
  if (kind != engine::RecordKind::kCreateInstance && kind != engine::RecordKind::kApplyEvent)
    return line.fault("operation", "keys belong to create_instance or apply_event");
  scope.operation = *kind;
  RSTMDB_ASSIGN(const Known* machine, machine_of(line));
  const std::string scope_text = scope.text();
  engine::KeyRow row;
  row.scope = scope_text;
  row.definition = machine->index;
  RSTMDB_ASSIGN(row.fingerprint, line.hex128("fingerprint"));
  RSTMDB_ASSIGN(const uint64_t expires_at, line.whole("expires_at", std::nullopt));
  row.expires_at = static_cast<int64_t>(expires_at);
  RSTMDB_ASSIGN(row.offset, offset_of(line));
  RSTMDB_ASSIGN(row.from, state_of(line, "from", machine->definition));
  RSTMDB_ASSIGN(row.to, state_of(line, "to", machine->definition));
  RSTMDB_ASSIGN(row.instance_id, line.name("instance"));
  if (line.has("ctx")) {
    RSTMDB_ASSIGN(row.context, context_of(line));
  }
  if (line.has("event_id")) {
    RSTMDB_ASSIGN(row.event_id, line.name("event_id"));
  }
  add_row(row);
  ++facts_.keys;
  return {};
}

Result<void> ImportRows::check_counts(const Line& line) const {
  const std::pair<std::string_view, uint64_t> counts[] = {
      {"versions", facts_.definitions},
      {"instances", facts_.instances - tombstones_},
      {"tombstones", tombstones_},
      {"keys", facts_.keys}};
  for (const auto& [member, counted] : counts) {
    RSTMDB_ASSIGN(const uint64_t said, line.whole(member, counted));
    if (said != counted)
      return line.fault(member, "there were " + std::to_string(counted) + " in the lines before");
  }
  return {};
}

Result<void> ImportRows::add_end(const Line& line) {
  RSTMDB_TRY(
      line.expect_only({"end", "versions", "instances", "tombstones", "keys", "state_hash"}));
  RSTMDB_TRY(check_counts(line));
  has_end_ = true;
  if (!has_header_) facts_.last_offset = rows_;
  facts_.hash = sum_;
  facts_.hash += engine::position_hash(facts_.last_offset, facts_.last_ts);
  if (!line.has("state_hash")) return {};
  RSTMDB_ASSIGN(const Hash128 said, line.hex128("state_hash"));
  if (said == facts_.hash) return {};
  return line.fault("state_hash", "the lines add up to another state, " + facts_.hash.hex())
      .with("code", "STATE_DIFFERS");
}

Result<void> ImportRows::finish() {
  if (has_end_) return {};
  if (has_header_) return incomplete("the lines end before the one that says \"end\"");
  if (rows_ == 0) return incomplete("there are no lines");
  facts_.last_offset = rows_;
  facts_.hash = sum_;
  facts_.hash += engine::position_hash(facts_.last_offset, facts_.last_ts);
  return {};
}

}  // namespace rstmdb::admin
