#include "calls.h"

#include <map>

#include "answers.h"

namespace rstmdb::conformance {
namespace {

using namespace client;

std::string text(const Json& params, const char* key) { return std::string(params[key].string()); }
std::string json(const Json& params, const char* key) { return std::string(params[key].text()); }
std::optional<uint64_t> number(const Json& params, const char* key) {
  return params[key].as_uint64();
}
uint32_t version(const Json& params) {
  return static_cast<uint32_t>(params["version"].as_uint64().value_or(0));
}
std::vector<std::string> texts(const Json& params, const char* key) {
  std::vector<std::string> all;
  for (const Json& one : params[key].elements()) all.emplace_back(one.string());
  return all;
}

CreateInstance create_of(const Json& params) {
  return {.machine = text(params, "machine"),
          .version = version(params),
          .instance_id = text(params, "instance_id"),
          .initial_ctx = json(params, "initial_ctx"),
          .idempotency_key = text(params, "idempotency_key")};
}
ApplyEvent event_of(const Json& params) {
  return {.instance_id = text(params, "instance_id"),
          .event = text(params, "event"),
          .payload = json(params, "payload"),
          .expected_state = text(params, "expected_state"),
          .expected_wal_offset = number(params, "expected_wal_offset"),
          .event_id = text(params, "event_id"),
          .idempotency_key = text(params, "idempotency_key")};
}
DeleteInstance delete_of(const Json& params) {
  return {.instance_id = text(params, "instance_id"),
          .idempotency_key = text(params, "idempotency_key")};
}
Batch batch_of(const Json& params) {
  Batch batch;
  if (params["mode"].string() == "atomic") batch.mode = BatchMode::kAtomic;
  for (const Json& one : params["ops"].elements()) {
    const std::string_view op = one["op"].string();
    if (op == "CREATE_INSTANCE") batch.ops.emplace_back(create_of(one["params"]));
    if (op == "APPLY_EVENT") batch.ops.emplace_back(event_of(one["params"]));
    if (op == "DELETE_INSTANCE") batch.ops.emplace_back(delete_of(one["params"]));
  }
  return batch;
}
ListInstances list_of(const Json& params) {
  return {.machine = text(params, "machine"),
          .state = text(params, "state"),
          .limit = number(params, "limit"),
          .offset = number(params, "offset"),
          .cursor = text(params, "cursor")};
}

template <class T>
void pass_on(Future<T> future, Answer answer) {
  future.on_ready([answer = std::move(answer)](const Result<T>& done) {
    answer(done.ok() ? Result<std::string>(to_json(*done)) : Result<std::string>(done.error()));
  });
}

using Start = void (*)(Client&, const Json&, Answer);

/// Every operation that has a method and is not a watch.
const std::map<std::string_view, Start> kMethods = {
    {"PING",
     [](Client& c, const Json&, Answer answer) {
       c.ping_async().on_ready([answer = std::move(answer)](const Result<void>& done) {
         answer(done.ok() ? Result<std::string>(R"({"pong":true})")
                          : Result<std::string>(done.error()));
       });
     }},
    {"INFO", [](Client& c, const Json&, Answer a) { pass_on(c.info_async(), std::move(a)); }},
    {"PUT_MACHINE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.put_machine_async({.machine = text(p, "machine"),
                                    .version = version(p),
                                    .definition = json(p, "definition"),
                                    .checksum = text(p, "checksum")}),
               std::move(a));
     }},
    {"GET_MACHINE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.get_machine_async(p["machine"].string(), version(p)), std::move(a));
     }},
    {"LIST_MACHINES",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.list_machines_async({.limit = number(p, "limit"),
                                      .offset = number(p, "offset"),
                                      .machine = text(p, "machine")}),
               std::move(a));
     }},
    {"CREATE_INSTANCE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.create_instance_async(create_of(p)), std::move(a));
     }},
    {"GET_INSTANCE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.get_instance_async(p["instance_id"].string()), std::move(a));
     }},
    {"LIST_INSTANCES", [](Client& c, const Json& p,
                          Answer a) { pass_on(c.list_instances_async(list_of(p)), std::move(a)); }},
    {"COUNT_INSTANCES",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.count_instances_async(p["machine"].string(), version(p)), std::move(a));
     }},
    {"GET_HISTORY",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.get_history_async({.instance_id = text(p, "instance_id"),
                                    .limit = number(p, "limit"),
                                    .before_offset = number(p, "before_offset"),
                                    .include_ctx = p["include_ctx"].as_bool().value_or(true)}),
               std::move(a));
     }},
    {"APPLY_EVENT", [](Client& c, const Json& p,
                       Answer a) { pass_on(c.apply_event_async(event_of(p)), std::move(a)); }},
    {"DELETE_INSTANCE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.delete_instance_async(delete_of(p)), std::move(a));
     }},
    {"BATCH",
     [](Client& c, const Json& p, Answer a) { pass_on(c.batch_async(batch_of(p)), std::move(a)); }},
    {"FLUSH_ALL",
     [](Client& c, const Json&, Answer a) { pass_on(c.flush_all_async(), std::move(a)); }},
    {"WAL_READ",
     [](Client& c, const Json& p, Answer a) {
       pass_on(
           c.wal_read_async(number(p, "from_offset").value_or(0), number(p, "limit").value_or(0)),
           std::move(a));
     }},
    {"WAL_STATS",
     [](Client& c, const Json&, Answer a) { pass_on(c.wal_stats_async(), std::move(a)); }},
    {"SNAPSHOT_INSTANCE",
     [](Client& c, const Json& p, Answer a) {
       pass_on(c.snapshot_instance_async(p["instance_id"].string()), std::move(a));
     }},
    {"COMPACT",
     [](Client& c, const Json& p, Answer a) {
       const bool force = p["force_snapshot"].as_bool().value_or(false);
       pass_on(c.compact_async(force ? CompactMode::kForceSnapshot : CompactMode::kAsNeeded),
               std::move(a));
     }},
};

}  // namespace

void start_call(Client& client, std::string_view op, const Json& params, Answer answer) {
  const auto found = kMethods.find(op);
  if (found == kMethods.end()) {
    answer(Error(ErrorKind::kArgument, "the client has no method for " + std::string(op)));
    return;
  }
  found->second(client, params, std::move(answer));
}

void start_raw_call(Client& client, std::string_view op, const Json& params, Answer answer) {
  client.call_async(op, params.text())
      .on_ready([answer = std::move(answer)](const Result<std::string>& done) { answer(done); });
}

Result<Subscription> open_watch(Client& client, std::string_view op, const Json& params) {
  const bool include_ctx = params["include_ctx"].as_bool().value_or(true);
  if (op == "WATCH_INSTANCE") {
    return client.watch_instance({.instance_id = text(params, "instance_id"),
                                  .include_ctx = include_ctx,
                                  .from_offset = number(params, "from_offset"),
                                  .after_offset = number(params, "after_offset"),
                                  .kinds = texts(params, "kinds")});
  }
  return client.watch_all({.machines = texts(params, "machines"),
                           .events = texts(params, "events"),
                           .from_states = texts(params, "from_states"),
                           .to_states = texts(params, "to_states"),
                           .include_ctx = include_ctx,
                           .from_offset = number(params, "from_offset"),
                           .after_offset = number(params, "after_offset"),
                           .kinds = texts(params, "kinds")});
}

}  // namespace rstmdb::conformance
