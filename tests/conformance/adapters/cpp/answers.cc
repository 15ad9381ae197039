#include "answers.h"

namespace rstmdb::conformance {
namespace {

using namespace client;

template <class Elements, class Write>
std::string array(const Elements& elements, Write write) {
  std::string out = "[";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    out += write(element);
  }
  return out + "]";
}

std::string number_text(uint32_t number) { return std::to_string(number); }

/// Where an empty text stands for null.
Members& text_or_null(Members& members, std::string_view key, std::string_view value) {
  return value.empty() ? members.json(key, "null") : members.text(key, value);
}

}  // namespace

Members& Members::json(std::string_view key, std::string_view value) {
  if (!out_.empty()) out_ += ',';
  out_ += json_quote(key);
  out_ += ':';
  out_ += value;
  return *this;
}
Members& Members::text(std::string_view key, std::string_view value) {
  return json(key, json_quote(value));
}
Members& Members::number(std::string_view key, int64_t value) {
  return json(key, std::to_string(value));
}
Members& Members::flag(std::string_view key, bool value) {
  return json(key, value ? "true" : "false");
}

std::string to_json(const ServerFacts& facts) {
  Members out;
  out.text("server_name", facts.server_name)
      .text("server_version", facts.server_version)
      .number("protocol_version", static_cast<int64_t>(facts.protocol_version))
      .json("features", array(facts.features, [](const std::string& f) { return json_quote(f); }))
      .number("max_frame_bytes", static_cast<int64_t>(facts.max_frame_bytes))
      .number("max_batch_ops", static_cast<int64_t>(facts.max_batch_ops));
  // What has no member of its own, the client gives as it came.
  for (const auto& [key, value] : Json::parse(facts.json).value().members()) {
    if (out.object().find(json_quote(key) + ":") == std::string::npos) out.json(key, value.text());
  }
  return out.object();
}

std::string to_json(const MachineStored& stored) {
  return Members()
      .text("machine", stored.machine)
      .number("version", stored.version)
      .text("stored_checksum", stored.stored_checksum)
      .flag("created", stored.created)
      .object();
}

std::string to_json(const Machine& machine) {
  return Members()
      .text("machine", machine.machine)
      .number("version", machine.version)
      .json("definition", machine.definition)
      .text("checksum", machine.checksum)
      .object();
}

std::string to_json(const MachinePage& page) {
  const auto item = [](const MachineVersions& one) {
    return Members()
        .text("machine", one.machine)
        .json("versions", array(one.versions, number_text))
        .object();
  };
  return Members()
      .json("items", array(page.items, item))
      .number("total", static_cast<int64_t>(page.total))
      .flag("has_more", page.has_more)
      .object();
}

std::string to_json(const InstanceCreated& created) {
  return Members()
      .text("instance_id", created.instance_id)
      .text("state", created.state)
      .number("wal_offset", static_cast<int64_t>(created.wal_offset))
      .object();
}

std::string to_json(const Instance& instance) {
  Members out;
  out.text("instance_id", instance.instance_id)
      .text("id", instance.instance_id)
      .text("machine", instance.machine)
      .number("version", instance.version)
      .text("state", instance.state)
      .json("ctx", instance.ctx);
  if (!instance.last_event_id.empty()) out.text("last_event_id", instance.last_event_id);
  return out.number("last_wal_offset", static_cast<int64_t>(instance.last_wal_offset))
      .number("created_at", instance.created_at)
      .number("updated_at", instance.updated_at)
      .object();
}

std::string to_json(const InstancePage& page) {
  const auto item = [](const InstanceSummary& one) {
    return Members()
        .text("id", one.id)
        .text("machine", one.machine)
        .number("version", one.version)
        .text("state", one.state)
        .number("created_at", one.created_at)
        .number("updated_at", one.updated_at)
        .number("last_wal_offset", static_cast<int64_t>(one.last_wal_offset))
        .object();
  };
  Members out;
  out.json("instances", array(page.instances, item))
      .number("total", static_cast<int64_t>(page.total))
      .flag("has_more", page.has_more);
  return text_or_null(out, "next_cursor", page.next_cursor).object();
}

std::string to_json(const InstanceCounts& counts) {
  Members states;
  for (const StateCount& one : counts.states) {
    states.number(one.state, static_cast<int64_t>(one.instances));
  }
  Members out;
  out.text("machine", counts.machine);
  if (counts.version != 0) out.number("version", counts.version);
  return out.json("states", states.object())
      .number("total", static_cast<int64_t>(counts.total))
      .number("wal_offset", static_cast<int64_t>(counts.wal_offset))
      .object();
}

std::string to_json(const History& history) {
  const auto event = [](const HistoryEvent& one) {
    Members out;
    out.number("wal_offset", static_cast<int64_t>(one.wal_offset))
        .number("ts", one.ts)
        .text("type", one.type);
    const auto text_if_any = [&out](std::string_view key, std::string_view value) {
      if (!value.empty()) out.text(key, value);
    };
    text_if_any("machine", one.machine);
    if (one.version != 0) out.number("version", one.version);
    text_if_any("event", one.event);
    text_if_any("from_state", one.from_state);
    text_if_any("to_state", one.to_state);
    if (!one.payload.empty()) out.json("payload", one.payload);
    text_if_any("event_id", one.event_id);
    if (!one.ctx.empty()) out.json("ctx", one.ctx);
    text_if_any("idempotency_key", one.idempotency_key);
    text_if_any("actor", one.actor);
    if (one.batch_index) out.number("batch_index", *one.batch_index);
    if (one.batch_size) out.number("batch_size", *one.batch_size);
    return out.object();
  };
  Members out;
  out.text("instance_id", history.instance_id)
      .json("events", array(history.events, event))
      .flag("has_more", history.has_more);
  if (history.next_before_offset) {
    out.number("next_before_offset", static_cast<int64_t>(*history.next_before_offset));
  }
  return out.number("horizon", static_cast<int64_t>(history.horizon))
      .flag("complete", history.complete)
      .object();
}

std::string to_json(const EventApplied& applied) {
  Members out;
  out.text("from_state", applied.from_state)
      .text("to_state", applied.to_state)
      .json("ctx", applied.ctx)
      .number("wal_offset", static_cast<int64_t>(applied.wal_offset))
      .flag("applied", applied.applied);
  if (!applied.event_id.empty()) out.text("event_id", applied.event_id);
  return out.object();
}

std::string to_json(const InstanceDeleted& deleted) {
  return Members()
      .text("instance_id", deleted.instance_id)
      .flag("deleted", deleted.deleted)
      .number("wal_offset", static_cast<int64_t>(deleted.wal_offset))
      .object();
}

std::string to_json(const BatchDone& done) {
  const auto outcome = [](const Result<BatchValue>& one) {
    if (!one.ok()) {
      return Members().text("status", "error").json("error", to_json(one.error())).object();
    }
    const auto result = std::visit([](const auto& value) { return to_json(value); }, *one);
    return Members().text("status", "ok").json("result", result).object();
  };
  Members out;
  out.json("results", array(done.results, outcome));
  if (done.wal_offset != 0) out.number("wal_offset", static_cast<int64_t>(done.wal_offset));
  return out.object();
}

std::string to_json(const Flushed& flushed) {
  return Members()
      .flag("flushed", flushed.flushed)
      .number("instances_removed", static_cast<int64_t>(flushed.instances_removed))
      .number("machines_removed", static_cast<int64_t>(flushed.machines_removed))
      .object();
}

std::string to_json(const LogPage& page) {
  const auto record = [](const LogRecord& one) {
    return Members()
        .number("sequence", static_cast<int64_t>(one.sequence))
        .number("offset", static_cast<int64_t>(one.offset))
        .json("entry", one.entry)
        .object();
  };
  return Members()
      .json("records", array(page.records, record))
      .json("next_offset", page.next_offset ? std::to_string(*page.next_offset) : "null")
      .object();
}

std::string to_json(const LogStats& stats) {
  const std::string io = Members()
                             .number("bytes_written", static_cast<int64_t>(stats.bytes_written))
                             .number("bytes_read", static_cast<int64_t>(stats.bytes_read))
                             .number("writes", static_cast<int64_t>(stats.writes))
                             .number("reads", static_cast<int64_t>(stats.reads))
                             .number("fsyncs", static_cast<int64_t>(stats.fsyncs))
                             .object();
  return Members()
      .number("entry_count", static_cast<int64_t>(stats.entry_count))
      .number("segment_count", static_cast<int64_t>(stats.segment_count))
      .number("total_size_bytes", static_cast<int64_t>(stats.total_size_bytes))
      .json("latest_offset", stats.latest_offset ? std::to_string(stats.latest_offset) : "null")
      .json("io_stats", io)
      .object();
}

std::string to_json(const Snapshot& snapshot) {
  return Members()
      .text("instance_id", snapshot.instance_id)
      .text("snapshot_id", snapshot.snapshot_id)
      .number("wal_offset", static_cast<int64_t>(snapshot.wal_offset))
      .number("size_bytes", static_cast<int64_t>(snapshot.size_bytes))
      .text("checksum", snapshot.checksum)
      .object();
}

std::string to_json(const Compacted& compacted) {
  return Members()
      .number("snapshots_created", static_cast<int64_t>(compacted.snapshots_created))
      .number("segments_deleted", static_cast<int64_t>(compacted.segments_deleted))
      .number("bytes_reclaimed", static_cast<int64_t>(compacted.bytes_reclaimed))
      .number("total_snapshots", static_cast<int64_t>(compacted.total_snapshots))
      .number("wal_segments", static_cast<int64_t>(compacted.wal_segments))
      .object();
}

std::string to_json(const Notification& notification) {
  Members out;
  out.text("subscription_id", notification.subscription_id);
  if (!notification.kind.empty()) out.text("kind", notification.kind);
  out.text("instance_id", notification.instance_id)
      .text("machine", notification.machine)
      .number("version", notification.version)
      .number("wal_offset", static_cast<int64_t>(notification.wal_offset));
  text_or_null(out, "from_state", notification.from_state);
  text_or_null(out, "to_state", notification.to_state);
  text_or_null(out, "event", notification.event);
  out.json("payload", notification.payload.empty() ? "null" : notification.payload);
  if (!notification.ctx.empty()) out.json("ctx", notification.ctx);
  return out.object();
}

std::string to_json(const Error& error) {
  Members out;
  out.text("kind", kind_name(error.kind()))
      .text("code", error.code_text())
      .text("message", error.message())
      .flag("retryable", error.retryable())
      .flag("maybe_applied", error.maybe_applied());
  if (!error.details().empty()) out.json("details", error.details());
  return out.object();
}

}  // namespace rstmdb::conformance
