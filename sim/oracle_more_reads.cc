// Answers about machines, and histories.
#include <algorithm>
#include <set>

#include "base/limits.h"
#include "crash/facts.h"
#include "oracle.h"

namespace rstmdb::sim {
namespace {

std::string_view type_name(crash::Kind kind) {
  switch (kind) {
    case crash::Kind::kPut:
      return "put_machine";
    case crash::Kind::kCreate:
      return "create_instance";
    case crash::Kind::kApply:
      return "apply_event";
    case crash::Kind::kRemove:
      return "delete_instance";
  }
  return "";
}

bool flag(json::Value object, std::string_view key) {
  const json::Value value = object[key];
  return value.is_bool() && value.boolean();
}

/// A page as the model makes it, in the words of the answer.
std::string page_of(const std::set<std::string>& names, uint64_t skip, uint64_t limit) {
  std::string out;
  uint64_t place = 0;
  for (const std::string& name : names) {
    if (place++ < skip) continue;
    if (place > skip + limit) break;
    out += R"({"machine":")" + name + R"(","versions":[1]})";
  }
  return out;
}

}  // namespace

/// The page must be that of one point: of what was known, or of a registration
/// since.
void Oracle::judge_machines(const Judgement& judgement, json::Value response) {
  const Ask& asked = asks_[judgement.sending.ask];
  const json::Value result = response["result"];
  const std::string& named = asked.list.machine;
  if (!named.empty()) {
    const uint64_t at = timelines_.registered_at(named);
    if (!result) {
      const bool absent = at == 0 || at > judgement.sending.known;
      if (!absent || crash::text_of(response["error"], "code") != "MACHINE_NOT_FOUND")
        wrong(judgement, "refused");
      return;
    }
    const bool right = at != 0 && at <= judgement.end &&
                       result["items"].text() == "[" + page_of({named}, 0, 1) + "]" &&
                       crash::number_of(result, "total", 0) == 1 && !flag(result, "has_more");
    if (!right) wrong(judgement, "not what the machine is");
    return;
  }
  if (!result) return wrong(judgement, "refused");
  std::string shown;
  for (json::Value item = result["items"].first(); item; item = item.next()) shown += item.text();
  const bool holds = std::ranges::any_of(
      timelines_.machine_points(judgement.sending.known, judgement.end), [&](uint64_t point) {
        const std::set<std::string> names = timelines_.machine_names(point);
        return shown == page_of(names, asked.from, asked.limit) &&
               crash::number_of(result, "total", UINT64_MAX) == names.size() &&
               flag(result, "has_more") == (names.size() > asked.from + asked.limit);
      });
  if (!holds) wrong(judgement, "not the machines of any point");
}

/// The answer names the point that it is of.
void Oracle::judge_count(const Judgement& judgement, json::Value response) {
  const std::string& machine = asks_[judgement.sending.ask].list.machine;
  const json::Value result = response["result"];
  const uint64_t registered = timelines_.registered_at(machine);
  if (!result) {
    const bool absent = registered == 0 || registered > judgement.sending.known;
    if (!absent || crash::text_of(response["error"], "code") != "MACHINE_NOT_FOUND")
      wrong(judgement, "refused");
    return;
  }
  const uint64_t point = crash::number_of(result, "wal_offset", 0);
  if (point < judgement.sending.known || point > judgement.end || registered == 0 ||
      registered > point)
    return wrong(judgement, "counted at no point between question and answer");
  uint64_t states = 0;
  uint64_t total = 0;
  for (json::Value state = result["states"].first(); state; state = state.next(), ++states) {
    const uint64_t count = crash::number_of(result["states"], state.key(), UINT64_MAX);
    if (!timelines_.counted(machine, state.key(), point, point, count))
      return wrong(judgement, "miscounts state " + std::string(state.key()));
    total += count;
  }
  if (states != std::size(crash::kStates) || total != crash::number_of(result, "total", UINT64_MAX))
    wrong(judgement, "the counts do not add up");
}

bool Oracle::shows(json::Value event, const crash::LogRecord& record, const Timeline& timeline,
                   bool with_context) const {
  const bool is_event = record.kind == crash::Kind::kApply;
  const bool has_context = with_context && record.kind != crash::Kind::kRemove;
  const bool in_batch = record.batch_size > 0;
  return crash::text_of(event, "type") == type_name(record.kind) &&
         crash::number_of(event, "ts", 0) == static_cast<uint64_t>(record.ts) &&
         crash::text_of(event, "idempotency_key") == record.key &&
         crash::text_of(event, "actor") == record.actor &&
         (record.kind != crash::Kind::kCreate ||
          crash::text_of(event, "machine") == timeline.machine) &&
         crash::text_of(event, "event") == record.event &&
         (!is_event || crash::text_of(event, "from_state") == record.from_state) &&
         crash::text_of(event, "to_state") == record.to_state &&
         (is_event ? event["payload"].text() == record.body : !event["payload"]) &&
         (has_context ? event["ctx"].text() == record.context : !event["ctx"]) &&
         (in_batch ? crash::number_of(event, "batch_index", UINT64_MAX) == record.batch_index &&
                         crash::number_of(event, "batch_size", 0) == record.batch_size
                   : !event["batch_size"]);
}

/// The events are the instance's versions, from the newest of some point on,
/// side by side.
void Oracle::judge_history(const Judgement& judgement, json::Value response) {
  const Ask& asked = asks_[judgement.sending.ask];
  const Timeline* timeline = timelines_.find(asked.instance_id);
  const json::Value result = response["result"];
  const uint64_t from = earliest(judgement);
  if (!result) {
    const bool absent = timeline == nullptr || timeline->versions.front().offset > from;
    if (!absent || crash::text_of(response["error"], "code") != "INSTANCE_NOT_FOUND")
      wrong(judgement, "refused");
    return;
  }
  if (timeline == nullptr || timeline->versions.front().offset > judgement.end)
    return wrong(judgement, "the history of nobody");
  const uint64_t before = asked.history.before == 0 ? UINT64_MAX : asked.history.before;
  const Version* behind = nullptr;  // the version that was shown last
  for (json::Value event = result["events"].first(); event; event = event.next()) {
    const uint64_t offset = crash::number_of(event, "wal_offset", 0);
    const Version* version = timeline->made_by(offset);
    if (version == nullptr || offset >= before || offset > judgement.end)
      return wrong(judgement, "no event of this instance, or not before the offset");
    const uint64_t next = timeline->valid_until(*version);  // the one behind it begins after that
    const bool newest = next >= from || next + 1 >= before;
    if (behind == nullptr ? !newest : version + 1 != behind)
      return wrong(judgement, "an event is missing before or behind " + std::to_string(offset));
    if (!shows(event, records_[offset - 1], *timeline, asked.history.with_context))
      return wrong(judgement, "not what record " + std::to_string(offset) + " says");
    behind = version;
  }
  judge_history_end(judgement, result, *timeline);
}

/// Where the page ends, and why.
void Oracle::judge_history_end(const Judgement& judgement, json::Value result,
                               const Timeline& timeline) {
  const HistoryWish& wish = asks_[judgement.sending.ask].history;
  const uint64_t horizon = crash::number_of(result, "horizon", 0);
  const bool has_more = flag(result, "has_more");
  const bool complete = flag(result, "complete");
  if (horizon == 0 || horizon < judgement.sending.horizon || horizon > judgement.end + 1)
    return wrong(judgement, "the log cannot begin there");
  const uint64_t first = timeline.versions.front().offset;
  uint64_t count = 0;
  uint64_t bytes = 0;
  uint64_t last = 0;
  for (json::Value event = result["events"].first(); event; event = event.next(), ++count) {
    last = crash::number_of(event, "wal_offset", 0);
    const crash::LogRecord& record = records_[last - 1];
    if (record.kind == crash::Kind::kApply) bytes += record.body.size();
    if (wish.with_context) bytes += record.context.size();
  }
  if (count == 0) {
    const uint64_t before = wish.before == 0 ? UINT64_MAX : wish.before;
    const Version* newest = timeline.at(std::min(before - 1, judgement.sending.known));
    const bool empty = before <= horizon || newest == nullptr || newest->offset < horizon;
    const bool right =
        before <= horizon ? complete == (horizon == 1) : complete == (first >= horizon);
    if (!empty || has_more || !right) wrong(judgement, "an empty page");
    return;
  }
  const Version* shown = timeline.made_by(last);
  const uint64_t previous = last == first ? 0 : std::prev(shown)->offset;
  const bool full = count >= wish.limit || bytes >= limits::kHistoryPageBytesMax;
  const bool right = has_more
                         ? previous >= horizon && full && count <= wish.limit &&
                               crash::number_of(result, "next_before_offset", 0) == previous + 1
                         : previous < horizon;
  if (!right || complete != (last == first)) wrong(judgement, "ends at the wrong place");
}

}  // namespace rstmdb::sim
