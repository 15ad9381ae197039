#include "linearizability/requests.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "crash/history.h"
#include "crash/model.h"
#include "json/writer.h"
#include "linearizability/history_page.h"
#include "linearizability/names.h"

namespace rstmdb::lin {
namespace {

using crash::number_of;
using crash::text_of;

constexpr uint64_t kListRows = 1'000;
constexpr std::string_view kKindNames[] = {"", "create", "transition", "delete"};

std::string_view operation_name(Verb verb) {
  switch (verb) {
    case Verb::kCreate:
      return "CREATE_INSTANCE";
    case Verb::kApply:
      return "APPLY_EVENT";
    case Verb::kRemove:
      return "DELETE_INSTANCE";
    case Verb::kRead:
      return "GET_INSTANCE";
  }
  return "";
}

std::string body_of(const Act& act) {
  std::string out;
  json::Writer(out)
      .open_object()
      .member("t", act.tag)
      .member("n", act.n)
      .member(kGroupNames[act.group], act.tag)
      .close_object();
  return out;
}

std::string params_of(const Act& act) {
  std::string out;
  json::Writer writer(out);
  writer.open_object().member("instance_id", instance_name(act.instance));
  if (act.verb == Verb::kCreate) {
    writer.member("machine", machine_name(act.instance)).member("version", 1);
    writer.member("initial_ctx", json::RawJson{body_of(act)});
  }
  if (act.verb == Verb::kApply) {
    writer.member("event", crash::kEvents[act.event]);
    writer.member("payload", json::RawJson{body_of(act)});
    if (act.expected_state != kNoState)
      writer.member("expected_state", state_name(act.expected_state));
    if (act.expected_offset != 0) writer.member("expected_wal_offset", act.expected_offset);
  }
  if (act.keyed) writer.member("idempotency_key", "k" + std::to_string(act.tag));
  writer.close_object();
  return out;
}

std::string batch_params(const Operation& operation) {
  std::string out;
  json::Writer writer(out);
  writer.open_object().member("mode", operation.form == Form::kAtomic ? "atomic" : "best_effort");
  writer.key("ops").open_array();
  for (const Act& act : operation.acts) {
    writer.open_object()
        .member("op", operation_name(act.verb))
        .member("params", json::RawJson{params_of(act)})
        .close_object();
  }
  writer.close_array().close_object();
  return out;
}

void append_names(std::string& out, std::string_view key, uint8_t set, auto&& name) {
  if (set == 0) return;
  out += ",\"" + std::string(key) + "\":[";
  for (int i = 0; i < 8; ++i) {
    if ((set >> i & 1) != 0) out += "\"" + std::string(name(i)) + "\",";
  }
  out.back() = ']';
}

Refusal refusal_of(std::string_view code) {
  if (code == code_name(Code::kConflict)) return Refusal::kConflict;
  if (code == code_name(Code::kInvalidTransition)) return Refusal::kInvalidTransition;
  if (code == code_name(Code::kGuardFailed)) return Refusal::kGuardFailed;
  if (code == code_name(Code::kInstanceNotFound)) return Refusal::kNotFound;
  if (code == code_name(Code::kInstanceExists)) return Refusal::kExists;
  if (code == code_name(Code::kRateLimited)) return Refusal::kNotNow;
  return Refusal::kStrange;
}

Answer read_answer(Verb verb, json::Value response) {
  if (text_of(response, "status") != "ok") {
    return {.refusal = refusal_of(text_of(response["error"], "code"))};
  }
  const json::Value result = response["result"];
  Answer answer;
  answer.offset = number_of(result, verb == Verb::kRead ? "last_wal_offset" : "wal_offset", 0);
  answer.from = state_of(text_of(result, "from_state"));
  answer.to = state_of(text_of(result, verb == Verb::kApply ? "to_state" : "state"));
  answer.applied = result["applied"].is_bool() && result["applied"].boolean();
  if (verb != Verb::kApply && verb != Verb::kRead) return answer;
  const auto seen = read_seen(result["ctx"]);
  if (!seen) return {.refusal = Refusal::kStrange};
  answer.seen = *seen;
  return answer;
}

void take_batch(json::Value response, Operation& operation) {
  json::Value element = response["result"]["results"].first();
  if (!element) {
    const Answer answer = read_answer(Verb::kRemove, response);
    for (Act& act : operation.acts) act.answer = answer;
    const uint64_t index = number_of(response["error"]["details"], "index", operation.acts.size());
    if (index < operation.acts.size()) operation.refused_at = static_cast<uint32_t>(index);
    return;
  }
  for (Act& act : operation.acts) {
    act.answer = element ? read_answer(act.verb, element) : Answer{.refusal = Refusal::kStrange};
    element = element.next();
  }
}

/// A row that cannot be one of ours stays in, as an instance that nobody has made.
void take_rows(json::Value response, Operation& operation) {
  const json::Value result = response["result"];
  for (json::Value row = result["instances"].first(); row; row = row.next()) {
    operation.rows.push_back({static_cast<uint32_t>(numbered(text_of(row, "id"), 'i')),
                              state_of(text_of(row, "state")),
                              number_of(row, "last_wal_offset", 0)});
  }
  const bool whole = operation.ask == Ask::kPages ||
                     number_of(result, "total", UINT64_MAX) == operation.rows.size();
  if (!whole) operation.rows.push_back({});
}

}  // namespace

Request request_of(const Operation& operation, std::string_view cursor) {
  if (operation.ask == Ask::kActs) {
    if (operation.form != Form::kAlone) return {"BATCH", batch_params(operation)};
    const Act& act = operation.acts.front();
    return {operation_name(act.verb), params_of(act)};
  }
  std::string params;
  json::Writer writer(params);
  if (operation.ask == Ask::kHistory) {
    const HistoryPage& page = operation.pages.back();
    writer.open_object().member("instance_id", instance_name(operation.acts.front().instance));
    writer.member("limit", operation.limit).member("include_ctx", operation.context);
    if (page.before != 0) writer.member("before_offset", page.before);
    writer.close_object();
    return {"GET_HISTORY", std::move(params)};
  }
  writer.open_object().member("machine", machine_name(operation.machine));
  if (operation.state != kNoState) writer.member("state", state_name(operation.state));
  writer.member("limit", operation.ask == Ask::kPages ? kPageRows : kListRows);
  if (!cursor.empty()) writer.member("cursor", cursor);
  writer.close_object();
  return {"LIST_INSTANCES", std::move(params)};
}

Request watch_of(const Filter& filter, const uint64_t* after_offset) {
  std::string params = filter.context ? R"({"include_ctx":true)" : R"({"include_ctx":false)";
  const auto state = [](int i) { return crash::kStates[i]; };
  append_names(params, "kinds", filter.kinds, [](int i) { return kKindNames[i]; });
  append_names(params, "machines", filter.machines,
               [](int i) { return machine_name(static_cast<uint32_t>(i)); });
  append_names(params, "events", filter.events, [](int i) { return crash::kEvents[i]; });
  append_names(params, "from_states", filter.from_states, state);
  append_names(params, "to_states", filter.to_states, state);
  if (after_offset != nullptr) params += ",\"after_offset\":" + std::to_string(*after_offset);
  if (filter.instance == 0) return {"WATCH_ALL", params + "}"};
  return {"WATCH_INSTANCE",
          params + ",\"instance_id\":\"" + instance_name(filter.instance) + "\"}"};
}

Request put_machine(uint32_t machine) {
  std::string params;
  json::Writer(params)
      .open_object()
      .member("machine", machine_name(machine))
      .member("version", 1)
      .member("definition", json::RawJson{crash::definition_text(machine)})
      .close_object();
  return {"PUT_MACHINE", std::move(params)};
}

void take_answer(json::Value response, Operation& operation) {
  operation.answered = true;
  if (operation.ask == Ask::kHistory) return take_history_page(response, operation);
  if (operation.ask != Ask::kActs) return take_rows(response, operation);
  if (operation.form != Form::kAlone) return take_batch(response, operation);
  Act& act = operation.acts.front();
  act.answer = read_answer(act.verb, response);
}

std::string next_cursor(json::Value response) { return text_of(response["result"], "next_cursor"); }

Result<Logged> read_logged(json::Value element) {
  RSTMDB_ASSIGN(const crash::LogRecord from, crash::read_log_record(element));
  const json::Value entry = element["entry"];
  const auto seen = read_seen(entry[from.kind == crash::Kind::kCreate ? "initial_ctx" : "ctx"]);
  const json::Value body = entry[from.kind == crash::Kind::kApply ? "payload" : "initial_ctx"];
  if (!seen)
    return Error(Code::kInternalError, "no record of ours: " + std::string(element.text()));
  const bool removed = from.kind == crash::Kind::kRemove;
  return Logged{.change = static_cast<Change>(from.kind),
                .from = state_of(from.from_state),
                .to = state_of(from.to_state),
                .event = event_of(from.event),
                .instance = static_cast<uint32_t>(numbered(from.instance_id, 'i')),
                .offset = from.offset,
                .tag = removed ? numbered(from.key, 'k') : from.tag,
                .n = number_of(body, "n", 0),
                .ts = from.ts,
                .batch_index = static_cast<uint32_t>(from.batch_index),
                .batch_size = static_cast<uint32_t>(from.batch_size),
                .seen = *seen};
}

Result<Told> read_told(json::Value notification, int64_t at) {
  const std::string kind = text_of(notification, "kind");
  const auto change = std::ranges::find(kKindNames, kind.empty() ? "transition" : kind);
  const auto seen = read_seen(notification["ctx"]);
  if (change == std::end(kKindNames) || !seen) {
    return Error(Code::kInternalError,
                 "no notification of ours: " + std::string(notification.text()));
  }
  return Told{
      .change = static_cast<Change>(change - kKindNames),
      .from = state_of(text_of(notification, "from_state")),
      .to = state_of(text_of(notification, "to_state")),
      .event = event_of(text_of(notification, "event")),
      .instance = static_cast<uint32_t>(numbered(text_of(notification, "instance_id"), 'i')),
      .offset = number_of(notification, "wal_offset", 0),
      .tag = number_of(notification["payload"], "t", 0),
      .at = at,
      .seen = *seen};
}

}  // namespace rstmdb::lin
