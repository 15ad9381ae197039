#include "crash/history.h"

#include <charconv>

#include "base/hash.h"
#include "json/writer.h"

namespace rstmdb::crash {
namespace {

std::optional<Kind> kind_of(std::string_view type) {
  if (type == "put_machine") return Kind::kPut;
  if (type == "create_instance") return Kind::kCreate;
  if (type == "apply_event") return Kind::kApply;
  if (type == "delete_instance") return Kind::kRemove;
  return std::nullopt;
}

std::string json_of(json::Value object, std::string_view key) {
  const json::Value value = object[key];
  return value ? std::string(value.text()) : std::string();
}

}  // namespace

std::string params_of(const Write& write) {
  std::string out;
  json::Writer writer(out);
  writer.open_object();
  if (!write.machine.empty()) writer.member("machine", write.machine).member("version", 1);
  if (!write.instance_id.empty()) writer.member("instance_id", write.instance_id);
  if (!write.event.empty()) writer.member("event", write.event);
  if (write.kind == Kind::kPut) writer.member("definition", json::RawJson{write.body});
  if (write.kind == Kind::kCreate) writer.member("initial_ctx", json::RawJson{write.body});
  if (write.kind == Kind::kApply) writer.member("payload", json::RawJson{write.body});
  if (write.expected_state) writer.member("expected_state", *write.expected_state);
  if (write.expected_offset) writer.member("expected_wal_offset", *write.expected_offset);
  if (!write.key.empty()) writer.member("idempotency_key", write.key);
  writer.close_object();
  return out;
}

uint64_t number_of(json::Value object, std::string_view key, uint64_t otherwise) {
  const json::Value value = object[key];
  if (!value.is_number()) return otherwise;
  uint64_t number = 0;
  const std::string_view text = value.text();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ptr == text.data() + text.size() ? number : otherwise;
}

std::string text_of(json::Value object, std::string_view key) {
  const json::Value value = object[key];
  return value.is_string() ? std::string(value.string()) : std::string();
}

Result<LogRecord> read_log_record(json::Value element) {
  const json::Value entry = element["entry"];
  const auto kind = kind_of(text_of(entry, "type"));
  if (!kind || number_of(element, "sequence", 0) != number_of(element, "offset", 1)) {
    return Error(Code::kInternalError, "no record: " + std::string(element.text()));
  }
  LogRecord record;
  record.offset = number_of(element, "offset", 0);
  record.ts = static_cast<int64_t>(number_of(entry, "ts", 0));
  record.kind = *kind;
  record.machine = text_of(entry, "machine");
  record.instance_id = text_of(entry, "instance_id");
  record.event = text_of(entry, "event");
  record.from_state = text_of(entry, "from_state");
  record.to_state = text_of(entry, *kind == Kind::kCreate ? "initial_state" : "to_state");
  record.key = text_of(entry, "idempotency_key");
  record.actor = text_of(entry, "actor");
  record.batch_index = number_of(entry, "batch_index", 0);
  record.batch_size = number_of(entry, "batch_size", 0);
  record.hash = hash64(entry.text());
  if (*kind == Kind::kPut) record.tag = number_of(entry["definition"]["meta"], "t", 0);
  if (*kind == Kind::kCreate) {
    record.body = record.context = json_of(entry, "initial_ctx");
    record.tag = number_of(entry["initial_ctx"], "t", 0);
  }
  if (*kind == Kind::kApply) {
    record.body = json_of(entry, "payload");
    record.context = json_of(entry, "ctx");
    record.tag = number_of(entry["payload"], "t", 0);
  }
  return record;
}

WriteAnswer read_write_answer(json::Value response) {
  WriteAnswer answer;
  if (text_of(response, "status") != "ok") {
    answer.error = text_of(response["error"], "code");
    if (answer.error.empty()) answer.error = "no code: " + std::string(response.text());
    return answer;
  }
  const json::Value result = response["result"];
  answer.offset = number_of(result, "wal_offset", 0);
  if (result["applied"].is_bool()) answer.applied = result["applied"].boolean();
  if (result["created"].is_bool()) answer.applied = result["created"].boolean();
  answer.instance_id = text_of(result, "instance_id");
  answer.from_state = text_of(result, "from_state");
  answer.to_state = text_of(result, result["state"] ? "state" : "to_state");
  answer.context = json_of(result, "ctx");
  return answer;
}

std::vector<WriteAnswer> read_answers(json::Value response, size_t writes) {
  const json::Value results = response["result"]["results"];
  if (!results) return std::vector<WriteAnswer>(writes, read_write_answer(response));
  std::vector<WriteAnswer> answers;
  for (json::Value element = results.first(); element; element = element.next()) {
    answers.push_back(read_write_answer(element));
  }
  return answers;
}

InstanceRead read_instance(json::Value response, std::string_view instance_id) {
  InstanceRead read;
  read.instance_id = instance_id;
  read.found = text_of(response, "status") == "ok";
  if (!read.found) return read;
  const json::Value result = response["result"];
  read.machine = text_of(result, "machine");
  read.state = text_of(result, "state");
  read.context = json_of(result, "ctx");
  read.last_offset = number_of(result, "last_wal_offset", 0);
  read.created_at = static_cast<int64_t>(number_of(result, "created_at", 0));
  read.updated_at = static_cast<int64_t>(number_of(result, "updated_at", 0));
  return read;
}

HistoryRead read_history(json::Value response, std::string_view instance_id) {
  HistoryRead read;
  read.instance_id = instance_id;
  const json::Value result = response["result"];
  if (!result.is_object()) return read;
  read.found = true;
  for (json::Value event = result["events"].first(); event; event = event.next()) {
    read.offsets.push_back(number_of(event, "wal_offset", 0));
  }
  const auto flag = [result](std::string_view key) {
    const json::Value value = result[key];
    return value.is_bool() && value.boolean();
  };
  read.has_more = flag("has_more");
  read.complete = flag("complete");
  read.horizon = number_of(result, "horizon", 0);
  return read;
}

}  // namespace rstmdb::crash
