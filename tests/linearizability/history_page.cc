#include "linearizability/history_page.h"

#include <string>

#include "crash/history.h"
#include "linearizability/names.h"

namespace rstmdb::lin {
namespace {

using crash::number_of;
using crash::text_of;

constexpr size_t kPagesMax = 12;

Change change_of(std::string_view type) {
  if (type == "create_instance") return Change::kCreate;
  if (type == "apply_event") return Change::kApply;
  if (type == "delete_instance") return Change::kRemove;
  return Change::kPut;
}

bool flag(json::Value object, std::string_view key) {
  return object[key].is_bool() && object[key].boolean();
}

Logged read_event(json::Value from, uint32_t instance) {
  Logged event{.change = change_of(text_of(from, "type")),
               .from = state_of(text_of(from, "from_state")),
               .to = state_of(text_of(from, "to_state")),
               .event = event_of(text_of(from, "event")),
               .instance = instance,
               .offset = number_of(from, "wal_offset", 0),
               .ts = static_cast<int64_t>(number_of(from, "ts", 0)),
               .batch_index = static_cast<uint32_t>(number_of(from, "batch_index", 0)),
               .batch_size = static_cast<uint32_t>(number_of(from, "batch_size", 0))};
  const auto seen = read_seen(from["ctx"]);
  const bool of_our_machine =
      event.change != Change::kCreate || text_of(from, "machine") == machine_name(instance);
  if (!seen || !of_our_machine) {
    event.change = Change::kPut;
    return event;
  }
  event.seen = *seen;
  const uint64_t key = numbered(text_of(from, "idempotency_key"), 'k');
  event.tag = event.change == Change::kRemove  ? key
              : event.change == Change::kApply ? number_of(from["payload"], "t", 0)
                                               : event.seen.tag;
  if (key != 0 && event.tag != 0 && key != event.tag) event.change = Change::kPut;
  return event;
}

}  // namespace

void take_history_page(json::Value response, Operation& operation) {
  Act& about = operation.acts.front();
  const json::Value result = response["result"];
  if (!result) {
    about.answer.refusal = Refusal::kNotFound;
    operation.pages.clear();
    return;
  }
  HistoryPage& page = operation.pages.back();
  page.horizon = number_of(result, "horizon", 0);
  page.complete = flag(result, "complete");
  // Without the one the other must not be there, and has no meaning.
  const uint64_t next = number_of(result, "next_before_offset", 0);
  page.next_before = flag(result, "has_more") ? (next == 0 ? UINT64_MAX : next) : 0;
  for (json::Value event = result["events"].first(); event; event = event.next()) {
    page.events.push_back(read_event(event, about.instance));
  }
}

bool turn_history_page(Operation& operation) {
  if (operation.pages.empty() || operation.pages.size() == kPagesMax) return false;
  const uint64_t before = operation.pages.back().next_before;
  if (before == 0) return false;
  operation.pages.push_back({.before = before});
  return true;
}

}  // namespace rstmdb::lin
