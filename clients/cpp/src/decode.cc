#include "decode.h"

#include <charconv>

#include "answer.h"

namespace rstmdb::client {
namespace {

/// Reads members of one object and remembers the first that is not as promised.
class Fields {
 public:
  explicit Fields(json::Value object) : object_(object) {
    if (!object.is_object()) fail("", "an object");
  }

  std::string text(std::string_view field) {
    const json::Value value = object_[field];
    if (!value.is_string()) return fail(field, "a string"), std::string();
    return std::string(value.string());
  }
  /// "" when missing or null.
  std::string text_if_any(std::string_view field) {
    const json::Value value = object_[field];
    return !value || value.is_null() ? std::string() : text(field);
  }
  template <class T = uint64_t>
  T number(std::string_view field) {
    const json::Value value = object_[field];
    T number{};
    if (!value.is_number() || !read(value.text(), number)) fail(field, "an integer");
    return number;
  }
  template <class T = uint64_t>
  std::optional<T> number_if_any(std::string_view field) {
    const json::Value value = object_[field];
    if (!value || value.is_null()) return std::nullopt;
    return number<T>(field);
  }
  bool flag(std::string_view field) {
    const json::Value value = object_[field];
    if (!value.is_bool()) return fail(field, "a boolean"), false;
    return value.boolean();
  }
  std::string json(std::string_view field) {
    const json::Value value = object_[field];
    if (!value) return fail(field, "there"), std::string();
    return std::string(value.text());
  }
  std::string json_if_any(std::string_view field) {
    const json::Value value = object_[field];
    return std::string(value ? value.text() : std::string_view());
  }
  json::Value array(std::string_view field) {
    const json::Value value = object_[field];
    if (!value.is_array()) fail(field, "an array");
    return value.is_array() ? value : json::Value();
  }
  json::Value object(std::string_view field) const { return object_[field]; }

  void take(const Fields& inner) {
    if (!error_) error_ = inner.error_;
  }
  /// `value` if all was as promised.
  template <class T>
  Result<T> done(T value) {
    if (error_) return *error_;
    return value;
  }

 private:
  template <class T>
  static bool read(std::string_view text, T& number) {
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, number);
    return failed == std::errc() && stop == end;
  }
  void fail(std::string_view field, std::string_view wanted) {
    if (error_) return;
    error_ = Error(ErrorKind::kProtocol,
                   "the server's result: " + std::string(field) + " is not " + std::string(wanted));
  }
  json::Value object_;
  std::optional<Error> error_;
};

}  // namespace

Result<void> decode_nothing(json::Value) { return {}; }
Result<std::string> decode_text(json::Value result) { return std::string(result.text()); }

Result<ServerFacts> decode_server_facts(json::Value result) {
  Fields fields(result);
  ServerFacts info{.server_name = fields.text("server_name"),
                   .server_version = fields.text("server_version"),
                   .protocol_version = fields.number("protocol_version"),
                   .max_frame_bytes = fields.number_if_any("max_frame_bytes").value_or(0),
                   .max_batch_ops = fields.number_if_any("max_batch_ops").value_or(0),
                   .json = std::string(result.text())};
  const json::Value features = fields.array("features");
  if (features) {
    for (json::Value f = features.first(); f; f = f.next()) {
      if (f.is_string()) info.features.emplace_back(f.string());
    }
  }
  return fields.done(std::move(info));
}

Result<MachineStored> decode_machine_stored(json::Value result) {
  Fields fields(result);
  return fields.done(MachineStored{.machine = fields.text("machine"),
                                   .version = fields.number<uint32_t>("version"),
                                   .stored_checksum = fields.text("stored_checksum"),
                                   .created = fields.flag("created")});
}

Result<Machine> decode_machine(json::Value result) {
  Fields fields(result);
  return fields.done(Machine{.machine = fields.text("machine"),
                             .version = fields.number<uint32_t>("version"),
                             .definition = fields.json("definition"),
                             .checksum = fields.text("checksum")});
}

Result<MachinePage> decode_machine_page(json::Value result) {
  Fields fields(result);
  MachinePage page;
  const json::Value items = fields.array("items");
  for (json::Value item = items ? items.first() : items; item; item = item.next()) {
    Fields inner(item);
    MachineVersions versions{.machine = inner.text("machine")};
    const json::Value all = inner.array("versions");
    for (json::Value v = all ? all.first() : all; v; v = v.next()) {
      const std::string_view text = v.is_number() ? v.text() : std::string_view();
      uint32_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      versions.versions.push_back(number);
    }
    fields.take(inner);
    page.items.push_back(std::move(versions));
  }
  page.total = fields.number_if_any("total").value_or(page.items.size());
  page.has_more = fields.object("has_more").is_bool() && fields.flag("has_more");
  return fields.done(std::move(page));
}

Result<InstanceCreated> decode_instance_created(json::Value result) {
  Fields fields(result);
  return fields.done(InstanceCreated{.instance_id = fields.text("instance_id"),
                                     .state = fields.text("state"),
                                     .wal_offset = fields.number("wal_offset")});
}

Result<Instance> decode_instance(json::Value result) {
  Fields fields(result);
  return fields.done(Instance{.instance_id = fields.text("instance_id"),
                              .machine = fields.text("machine"),
                              .version = fields.number<uint32_t>("version"),
                              .state = fields.text("state"),
                              .ctx = fields.json("ctx"),
                              .last_event_id = fields.text_if_any("last_event_id"),
                              .last_wal_offset = fields.number("last_wal_offset"),
                              .created_at = fields.number<int64_t>("created_at"),
                              .updated_at = fields.number<int64_t>("updated_at")});
}

Result<InstancePage> decode_instance_page(json::Value result) {
  Fields fields(result);
  InstancePage page;
  const json::Value items = fields.array("instances");
  for (json::Value item = items ? items.first() : items; item; item = item.next()) {
    Fields inner(item);
    page.instances.push_back({.id = inner.text("id"),
                              .machine = inner.text("machine"),
                              .version = inner.number<uint32_t>("version"),
                              .state = inner.text("state"),
                              .created_at = inner.number<int64_t>("created_at"),
                              .updated_at = inner.number<int64_t>("updated_at"),
                              .last_wal_offset = inner.number("last_wal_offset")});
    fields.take(inner);
  }
  page.total = fields.number("total");
  page.has_more = fields.flag("has_more");
  page.next_cursor = fields.text_if_any("next_cursor");
  return fields.done(std::move(page));
}

Result<InstanceCounts> decode_instance_counts(json::Value result) {
  Fields fields(result);
  InstanceCounts counts{.machine = fields.text("machine"),
                        .version = fields.number_if_any<uint32_t>("version").value_or(0),
                        .total = fields.number("total"),
                        .wal_offset = fields.number("wal_offset")};
  const json::Value states = fields.object("states");
  Fields inner(states);
  for (json::Value s = states ? states.first() : states; s; s = s.next()) {
    counts.states.push_back({.state = std::string(s.key()), .instances = inner.number(s.key())});
  }
  fields.take(inner);
  return fields.done(std::move(counts));
}

namespace {

Result<HistoryEvent> decode_history_event(json::Value event) {
  Fields fields(event);
  return fields.done(HistoryEvent{.wal_offset = fields.number("wal_offset"),
                                  .ts = fields.number<int64_t>("ts"),
                                  .type = fields.text("type"),
                                  .machine = fields.text_if_any("machine"),
                                  .version = fields.number_if_any<uint32_t>("version").value_or(0),
                                  .event = fields.text_if_any("event"),
                                  .from_state = fields.text_if_any("from_state"),
                                  .to_state = fields.text_if_any("to_state"),
                                  .payload = fields.json_if_any("payload"),
                                  .ctx = fields.json_if_any("ctx"),
                                  .event_id = fields.text_if_any("event_id"),
                                  .idempotency_key = fields.text_if_any("idempotency_key"),
                                  .actor = fields.text_if_any("actor"),
                                  .batch_index = fields.number_if_any<uint32_t>("batch_index"),
                                  .batch_size = fields.number_if_any<uint32_t>("batch_size")});
}

}  // namespace

Result<History> decode_history(json::Value result) {
  Fields fields(result);
  History history{.instance_id = fields.text("instance_id"),
                  .has_more = fields.flag("has_more"),
                  .next_before_offset = fields.number_if_any("next_before_offset"),
                  .horizon = fields.number("horizon"),
                  .complete = fields.flag("complete")};
  const json::Value events = fields.array("events");
  for (json::Value e = events ? events.first() : events; e; e = e.next()) {
    auto event = decode_history_event(e);
    if (!event.ok()) return event.error();
    history.events.push_back(std::move(event).value());
  }
  return fields.done(std::move(history));
}

Result<EventApplied> decode_event_applied(json::Value result) {
  Fields fields(result);
  return fields.done(EventApplied{.from_state = fields.text("from_state"),
                                  .to_state = fields.text("to_state"),
                                  .ctx = fields.json("ctx"),
                                  .wal_offset = fields.number("wal_offset"),
                                  .applied = fields.flag("applied"),
                                  .event_id = fields.text_if_any("event_id")});
}

Result<InstanceDeleted> decode_instance_deleted(json::Value result) {
  Fields fields(result);
  return fields.done(InstanceDeleted{.instance_id = fields.text("instance_id"),
                                     .deleted = fields.flag("deleted"),
                                     .wal_offset = fields.number("wal_offset")});
}

namespace {

Result<BatchValue> widen(auto decoded) {
  if (!decoded.ok()) return decoded.error();
  return BatchValue(std::move(decoded).value());
}

Result<BatchValue> decode_one(const CreateInstance&, json::Value result) {
  return widen(decode_instance_created(result));
}
Result<BatchValue> decode_one(const ApplyEvent&, json::Value result) {
  return widen(decode_event_applied(result));
}
Result<BatchValue> decode_one(const DeleteInstance&, json::Value result) {
  return widen(decode_instance_deleted(result));
}

std::string text_or_empty(json::Value value) {
  return std::string(value.is_string() ? value.string() : std::string_view());
}

Result<BatchValue> decode_outcome(json::Value outcome, const BatchOperation& operation) {
  if (text_or_empty(outcome["status"]) == "ok") {
    const json::Value result = outcome["result"];
    return std::visit([&](const auto& of) { return decode_one(of, result); }, operation);
  }
  const json::Value error = outcome["error"];
  if (!error["code"].is_string()) {
    return Error(ErrorKind::kProtocol, "the server's result: an outcome of the batch has no code");
  }
  const json::Value details = error["details"];
  Error refusal(text_or_empty(error["code"]), text_or_empty(error["message"]),
                std::string(details.is_object() ? details.text() : std::string_view()));
  const json::Value retryable = error["retryable"];
  return retryable.is_bool() ? refusal.with_retryable(retryable.boolean()) : refusal;
}

}  // namespace

Result<BatchDone> decode_batch(json::Value result, const std::vector<BatchOperation>& ops) {
  Fields fields(result);
  BatchDone done;
  const json::Value outcomes = fields.array("results");
  for (json::Value o = outcomes ? outcomes.first() : outcomes; o; o = o.next()) {
    if (done.results.size() == ops.size()) break;
    done.results.push_back(decode_outcome(o, ops[done.results.size()]));
  }
  if (outcomes && outcomes.size() != ops.size()) {
    return Error(ErrorKind::kProtocol, "the server's result: not one outcome for each operation");
  }
  done.wal_offset = fields.number_if_any("wal_offset").value_or(0);
  return fields.done(std::move(done));
}

Result<Flushed> decode_flushed(json::Value result) {
  Fields fields(result);
  return fields.done(Flushed{.flushed = fields.flag("flushed"),
                             .instances_removed = fields.number("instances_removed"),
                             .machines_removed = fields.number("machines_removed")});
}

Result<LogPage> decode_log_page(json::Value result) {
  Fields fields(result);
  LogPage page;
  const json::Value records = fields.array("records");
  for (json::Value record = records ? records.first() : records; record; record = record.next()) {
    Fields inner(record);
    page.records.push_back({.sequence = inner.number("sequence"),
                            .offset = inner.number("offset"),
                            .entry = inner.json("entry")});
    fields.take(inner);
  }
  page.next_offset = fields.number_if_any("next_offset");
  return fields.done(std::move(page));
}

Result<LogStats> decode_log_stats(json::Value result) {
  Fields fields(result);
  LogStats stats{.entry_count = fields.number("entry_count"),
                 .segment_count = fields.number("segment_count"),
                 .total_size_bytes = fields.number("total_size_bytes"),
                 .latest_offset = fields.number_if_any("latest_offset").value_or(0)};
  Fields io(fields.object("io_stats"));
  stats.bytes_written = io.number("bytes_written");
  stats.bytes_read = io.number("bytes_read");
  stats.writes = io.number("writes");
  stats.reads = io.number("reads");
  stats.fsyncs = io.number("fsyncs");
  fields.take(io);
  return fields.done(std::move(stats));
}

Result<Snapshot> decode_snapshot(json::Value result) {
  Fields fields(result);
  return fields.done(Snapshot{.instance_id = fields.text("instance_id"),
                              .snapshot_id = fields.text("snapshot_id"),
                              .wal_offset = fields.number("wal_offset"),
                              .size_bytes = fields.number("size_bytes"),
                              .checksum = fields.text("checksum")});
}

Result<Compacted> decode_compacted(json::Value result) {
  Fields fields(result);
  return fields.done(Compacted{.snapshots_created = fields.number("snapshots_created"),
                               .segments_deleted = fields.number("segments_deleted"),
                               .bytes_reclaimed = fields.number("bytes_reclaimed"),
                               .total_snapshots = fields.number("total_snapshots"),
                               .wal_segments = fields.number("wal_segments")});
}

Result<Watching> decode_watching(json::Value result) {
  Fields fields(result);
  Watching watching;
  watching.subscription_id = fields.text("subscription_id");
  if (fields.object("current_state")) {
    watching.state = fields.text("current_state");
    watching.offset = fields.number("current_wal_offset");
    watching.deleted = fields.object("deleted") && fields.flag("deleted");
  } else {
    watching.offset = fields.number("wal_offset");
  }
  return fields.done(std::move(watching));
}

Result<Notification> decode_notification(json::Value event) {
  Fields fields(event);
  return fields.done(Notification{.subscription_id = fields.text("subscription_id"),
                                  .kind = fields.text_if_any("kind"),
                                  .instance_id = fields.text("instance_id"),
                                  .machine = fields.text("machine"),
                                  .version = fields.number<uint32_t>("version"),
                                  .wal_offset = fields.number("wal_offset"),
                                  .from_state = fields.text_if_any("from_state"),
                                  .to_state = fields.text_if_any("to_state"),
                                  .event = fields.text_if_any("event"),
                                  .payload = fields.json_if_any("payload"),
                                  .ctx = fields.json_if_any("ctx"),
                                  .json = std::string(event.text())});
}

}  // namespace rstmdb::client
