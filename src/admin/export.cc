#include "admin/export.h"

#include <cstdio>

#include "admin/data_folder.h"
#include "admin/record_kinds.h"
#include "engine/rows.h"
#include "json/writer.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

std::string hex64(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

class Export {
 public:
  Export(const ExportOptions& options, const Folded& folded, const LineSink& sink)
      : options_(options), folded_(folded), state_(folded.fold.state()), sink_(sink) {}

  Result<StateReport> run() {
    const StateReport report{.database = folded_.database, .counts = count_state(state_)};
    options_.progress.begin("exporting", 0);
    write_header(report);
    RSTMDB_TRY(write_definitions());
    RSTMDB_TRY(write_instances());
    RSTMDB_TRY(write_keys());
    write_end(report.counts);
    RSTMDB_TRY(flush());
    options_.progress.end();
    return report;
  }

 private:
  void write_counts(json::Writer& json, const StateCounts& counts) {
    json.member("versions", counts.versions)
        .member("instances", counts.instances)
        .member("tombstones", counts.tombstones)
        .member("keys", counts.keys);
  }

  void write_header(const StateReport& report) {
    json::Writer json(lines_);
    json.open_object()
        .member("rstmdb_export", 1)
        .member("version", options_.version)
        .member("database", hex(report.database))
        .member("offset", report.counts.offset)
        .member("ts", report.counts.last_ts)
        .member("chain", hex64(folded_.fold.chain().value));
    write_counts(json, report.counts);
    json.close_object();
    lines_.push_back('\n');
  }

  void write_end(const StateCounts& counts) {
    json::Writer json(lines_);
    json.open_object().member("end", true);
    write_counts(json, counts);
    json.member("state_hash", counts.hash.hex()).close_object();
    lines_.push_back('\n');
  }

  void write_machine_of(json::Writer& json, engine::DefinitionIndex index) {
    const engine::StoredDefinition& stored = state_.machines().at(index);
    json.member("machine", stored.machine->name).member("version", stored.version);
  }

  /// In the order in which they came: later lines and hashes refer to it.
  Result<void> write_definitions() {
    for (engine::DefinitionIndex i = 0; i < state_.machines().definition_count(); ++i) {
      json::Writer json(lines_);
      json.open_object();
      write_machine_of(json, i);
      json.member("definition", json::RawJson{state_.machines().at(i).definition.canonical()})
          .close_object();
      RSTMDB_TRY(end_line());
    }
    return {};
  }

  Result<void> write_instances() {
    for (engine::Slot slot = 0; slot < state_.instances().size(); ++slot) {
      const engine::Instance& instance = state_.instances().at(slot);
      json::Writer json(lines_);
      json.open_object().member("instance", instance.id());
      write_machine_of(json, instance.definition);
      json.member("state", state_.machines().at(instance.definition).state_name(instance.state));
      if (instance.deleted()) json.member("deleted", true);
      if (!instance.deleted()) json.member("ctx", json::RawJson{instance.context()});
      json.member("created_at", instance.created_at)
          .member("updated_at", instance.updated_at)
          .member("offset", instance.last_offset);
      if (!instance.last_event_id().empty()) json.member("event_id", instance.last_event_id());
      json.close_object();
      RSTMDB_TRY(end_line());
    }
    return {};
  }

  /// Oldest first, as they will expire.
  Result<void> write_keys() {
    const engine::Keys& keys = state_.keys();
    const uint64_t first = keys.first_sequence();
    for (uint64_t sequence = first; sequence < first + keys.count(); ++sequence) {
      write_key(keys.row(sequence));
      RSTMDB_TRY(end_line());
    }
    return {};
  }

  void write_key(const engine::KeyRow& row) {
    const engine::KeyScope scope = engine::KeyScope::of_text(row.scope);
    const engine::StoredDefinition& stored = state_.machines().at(row.definition);
    json::Writer json(lines_);
    json.open_object()
        .member("key", scope.key)
        .member("operation", record_kind_name(scope.operation))
        .member("subject", scope.subject)
        .member("fingerprint", row.fingerprint.hex())
        .member("expires_at", row.expires_at)
        .member("offset", row.offset);
    write_machine_of(json, row.definition);
    json.member("from", stored.state_name(row.from))
        .member("to", stored.state_name(row.to))
        .member("instance", row.instance_id);
    if (!row.context.empty()) json.member("ctx", json::RawJson{row.context});
    if (!row.event_id.empty()) json.member("event_id", row.event_id);
    json.close_object();
  }

  Result<void> end_line() {
    lines_.push_back('\n');
    return lines_.size() < kBufferBytes ? Result<void>() : flush();
  }

  Result<void> flush() {
    RSTMDB_TRY(sink_(lines_));
    written_ += lines_.size();
    lines_.clear();
    return options_.progress.at(written_);
  }

  const ExportOptions& options_;
  const Folded& folded_;
  const engine::State& state_;
  const LineSink& sink_;
  std::string lines_;  // not given to the sink yet
  uint64_t written_ = 0;
};

}  // namespace

Result<StateReport> export_lines(const ExportOptions& options, const LineSink& sink) {
  RSTMDB_ASSIGN(const Folded folded, fold_folder(options.files, options.data_folder,
                                                 log::Offset{UINT64_MAX}, options.progress));
  return Export(options, folded, sink).run();
}

std::string to_text(const StateReport& report) {
  const StateCounts& counts = report.counts;
  return "record " + std::to_string(counts.offset) + ", hash " + counts.hash.hex() + "; " +
         std::to_string(counts.machines) + " machines in " + std::to_string(counts.versions) +
         " versions, " + std::to_string(counts.instances) + " instances, " +
         std::to_string(counts.tombstones) + " tombstones, " + std::to_string(counts.keys) +
         " idempotency keys; database " + hex(report.database) + "\n";
}

std::string to_json(const StateReport& report) {
  const StateCounts& counts = report.counts;
  std::string out;
  json::Writer(out)
      .open_object()
      .member("database", hex(report.database))
      .member("offset", counts.offset)
      .member("last_ts", counts.last_ts)
      .member("state_hash", counts.hash.hex())
      .member("machines", counts.machines)
      .member("versions", counts.versions)
      .member("instances", counts.instances)
      .member("tombstones", counts.tombstones)
      .member("keys", counts.keys)
      .close_object();
  return out;
}

}  // namespace rstmdb::admin
