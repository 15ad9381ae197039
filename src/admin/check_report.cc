// How the report of a check reads, for people and for programs.
#include <algorithm>

#include "admin/check.h"
#include "admin/record_kinds.h"
#include "json/writer.h"

namespace rstmdb::admin {
namespace {

std::string kind_name(size_t kind) {
  const std::string_view name = record_kind_name(static_cast<engine::RecordKind>(kind));
  return name.empty() ? "kind_" + std::to_string(kind) : std::string(name);
}

void add_line(std::string& out, std::string_view name, const std::string& text) {
  out.append("  ").append(name).append(12 - std::min<size_t>(name.size(), 11), ' ');
  out.append(text).append("\n");
}

std::string state_text(const StateCounts& state) {
  return "record " + std::to_string(state.offset) + ", hash " + state.hash.hex() + "; " +
         std::to_string(state.machines) + " machines in " + std::to_string(state.versions) +
         " versions, " + std::to_string(state.instances) + " instances, " +
         std::to_string(state.tombstones) + " tombstones, " + std::to_string(state.keys) +
         " idempotency keys";
}

std::string ways_text(const CheckReport& report) {
  if (report.folded_from_first && report.folded_from_snapshot)
    return "folded from record 1 and from the newest snapshot: the same state";
  if (report.folded_from_first) return "folded from record 1";
  if (report.folded_from_snapshot) return "folded from the newest snapshot";
  return "not folded";
}

void log_text(std::string& out, const CheckReport& report) {
  add_line(out, "log",
           std::to_string(report.segments) + " segments, " + std::to_string(report.groups) +
               " groups, " + std::to_string(report.records) + " records, " +
               readable_bytes(report.log_bytes) + ", database " + hex(report.database));
  if (report.oldest_offset != 0)
    add_line(out, "records",
             std::to_string(report.oldest_offset) + " to " + std::to_string(report.newest_offset));
  for (size_t kind = 0; kind < CheckReport::kKinds; ++kind)
    if (report.records_by_kind[kind] != 0)
      add_line(out, "", std::to_string(report.records_by_kind[kind]) + " " + kind_name(kind));
}

void write_fault(json::Writer& json, const CheckFault& fault) {
  json.open_object().member("file", fault.file).member("code", fault.code);
  if (fault.byte) json.member("byte", *fault.byte);
  if (fault.offset) json.member("offset", *fault.offset);
  json.member("what", fault.what).close_object();
}

void write_state(json::Writer& json, const StateCounts& state) {
  json.key("state")
      .open_object()
      .member("offset", state.offset)
      .member("last_ts", state.last_ts)
      .member("hash", state.hash.hex())
      .member("machines", state.machines)
      .member("versions", state.versions)
      .member("instances", state.instances)
      .member("tombstones", state.tombstones)
      .member("keys", state.keys)
      .close_object();
}

void write_log(json::Writer& json, const CheckReport& report) {
  json.key("log")
      .open_object()
      .member("database", hex(report.database))
      .member("segments", report.segments)
      .member("groups", report.groups)
      .member("bytes", report.log_bytes)
      .member("records", report.records)
      .member("oldest_offset", report.oldest_offset)
      .member("newest_offset", report.newest_offset)
      .member("closed", report.tail.closed)
      .member("unfinished_bytes", report.tail.unknown_bytes)
      .key("by_kind")
      .open_object();
  for (size_t kind = 0; kind < CheckReport::kKinds; ++kind)
    if (report.records_by_kind[kind] != 0)
      json.member(kind_name(kind), report.records_by_kind[kind]);
  json.close_object().close_object();
}

}  // namespace

std::string to_text(const CheckReport& report) {
  std::string out = report.folder + "\n";
  log_text(out, report);
  for (const CheckedSnapshot& snapshot : report.snapshots)
    add_line(out, "snapshot",
             "record " + std::to_string(snapshot.offset) + ", " +
                 (snapshot.good ? readable_bytes(snapshot.bytes) + ", whole" : "DAMAGED") +
                 (snapshot.same_as_log ? ", the same state as the log gives" : ""));
  if (report.state) add_line(out, "state", state_text(*report.state));
  add_line(out, "", ways_text(report));
  add_line(out, "start", report.start);
  for (const CheckFault& fault : report.faults) {
    add_line(out, "FAULT", fault.what);
    add_line(out, "", fault.code);
  }
  if (!report.good() && !report.folded_from_first && report.readable_up_to != 0)
    add_line(out, "", "good up to record " + std::to_string(report.readable_up_to));
  add_line(out, report.good() ? "good" : "DAMAGED",
           report.good() ? "nothing is wrong" : std::to_string(report.faults.size()) + " faults");
  return out;
}

std::string to_json(const CheckReport& report) {
  std::string out;
  json::Writer json(out);
  json.open_object().member("folder", report.folder).member("good", report.good());
  write_log(json, report);
  json.key("snapshots").open_array();
  for (const CheckedSnapshot& snapshot : report.snapshots)
    json.open_object()
        .member("offset", snapshot.offset)
        .member("file", snapshot.file)
        .member("bytes", snapshot.bytes)
        .member("good", snapshot.good)
        .member("same_as_log", snapshot.same_as_log)
        .close_object();
  json.close_array();
  if (report.state) write_state(json, *report.state);
  json.member("folded_from_first", report.folded_from_first)
      .member("folded_from_snapshot", report.folded_from_snapshot)
      .member("start", report.start)
      .key("faults")
      .open_array();
  for (const CheckFault& fault : report.faults) write_fault(json, fault);
  json.close_array();
  if (report.readable_up_to != 0) json.member("readable_up_to", report.readable_up_to);
  json.close_object();
  return out;
}

}  // namespace rstmdb::admin
