// Answers to reads.
#include <algorithm>

#include "crash/facts.h"
#include "oracle.h"

namespace rstmdb::sim {

/// The earliest point that the answer may be of: what was known when it was asked, and the effect
/// of the write that the same connection had sent before it.
uint64_t Oracle::earliest(const Judgement& judgement) const {
  const uint64_t tag = judgement.sending.before;
  if (tag == 0 || entries_[tag - 1].sends != 1) return judgement.sending.known;
  return std::max(judgement.sending.known, entries_[tag - 1].found);
}

void Oracle::judge_get(const Judgement& judgement, json::Value response) {
  const std::string& id = asks_[judgement.sending.ask].instance_id;
  const crash::InstanceRead read = crash::read_instance(response, id);
  const Timeline* timeline = timelines_.find(id);
  const uint64_t from = earliest(judgement);
  if (!read.found) {
    if (crash::text_of(response["error"], "code") != "INSTANCE_NOT_FOUND")
      return wrong(judgement, "refused");
    if (timeline == nullptr || timeline->versions.front().offset > from) return;
    const Version& last = *timeline->at(judgement.end);
    if (!last.deleted) wrong(judgement, "the instance was there all the time");
    return;
  }
  const Version* version = timeline == nullptr ? nullptr : timeline->made_by(read.last_offset);
  if (version == nullptr || version->deleted || read.last_offset > judgement.end)
    return wrong(judgement, "no record of this instance is there");
  if (version->view != crash::view_of(read.state, read.context) || version->ts != read.updated_at ||
      timeline->versions.front().ts != read.created_at || timeline->machine != read.machine)
    return wrong(judgement, "the record there made something else of it");
  if (timeline->valid_until(*version) < from)
    wrong(judgement, "old: changed before " + std::to_string(from));
}

/// Every row shows one version of its instance, each true for a stretch of the log; there must be a
/// point at which all of them are true and at which there were just as many.
void Oracle::judge_list(const Judgement& judgement, json::Value response) {
  const ListWish& wish = asks_[judgement.sending.ask].list;
  const json::Value result = response["result"];
  if (!result) return wrong(judgement, "refused");
  uint64_t from = judgement.sending.known;
  uint64_t to = judgement.end;
  std::vector<const Timeline*> shown;
  for (json::Value row = result["instances"].first(); row; row = row.next()) {
    const std::string id = crash::text_of(row, "id");
    const uint64_t offset = crash::number_of(row, "last_wal_offset", 0);
    const Timeline* timeline = timelines_.find(id);
    const Version* version = timeline == nullptr ? nullptr : timeline->made_by(offset);
    const bool right = version != nullptr && !version->deleted &&
                       version->state == crash::text_of(row, "state") &&
                       timeline->machine == crash::text_of(row, "machine") &&
                       (wish.machine.empty() || wish.machine == timeline->machine) &&
                       (wish.state.empty() || wish.state == version->state);
    if (!right) return wrong(judgement, "the row of " + id + " is of no record, or not wanted");
    from = std::max(from, version->offset);
    to = std::min(to, timeline->valid_until(*version));
    shown.push_back(timeline);
  }
  std::ranges::sort(shown);
  if (std::ranges::adjacent_find(shown) != shown.end())
    return wrong(judgement, "an instance has two rows");
  const uint64_t total = crash::number_of(result, "total", UINT64_MAX);
  if (shown.size() != std::min(total, wish.limit))
    return wrong(judgement, "the page has " + std::to_string(shown.size()) + " rows");
  if (from <= to && timelines_.counted(wish.machine, wish.state, from, to, total)) return;
  wrong(judgement, "its rows are true together at no point from " + std::to_string(from) + " to " +
                       std::to_string(to) + " with that total");
}

void Oracle::judge_log_read(const Judgement& judgement, json::Value response) {
  const Ask& asked = asks_[judgement.sending.ask];
  const json::Value result = response["result"];
  if (!result) {
    const uint64_t oldest = crash::number_of(response["error"]["details"], "oldest_offset", 0);
    const bool compacted =
        crash::text_of(response["error"], "code") == "NOT_FOUND" && oldest > asked.from;
    if (!compacted) wrong(judgement, "refused");
    return;
  }
  uint64_t next = asked.from;
  for (json::Value item = result["records"].first(); item; item = item.next()) {
    const auto record = crash::read_log_record(item);
    if (!record.ok()) return wrong(judgement, record.error().to_string());
    if (next == 0) next = record->offset;
    if (record->offset != next || next > judgement.end)
      return wrong(judgement, "offset " + std::to_string(next) + " expected");
    const crash::LogRecord& known = records_[next++ - 1];
    const bool same = record->kind == known.kind && record->ts == known.ts &&
                      record->tag == known.tag && record->instance_id == known.instance_id &&
                      record->event == known.event && record->from_state == known.from_state &&
                      record->to_state == known.to_state && record->body == known.body &&
                      record->context == known.context && record->key == known.key &&
                      record->actor == known.actor && record->batch_index == known.batch_index &&
                      record->batch_size == known.batch_size;
    if (!same) return wrong(judgement, crash::name_of(known) + " reads otherwise");
  }
  // The page ends at the limit or at what was committed when it was read.
  const bool full = next - asked.from >= asked.limit;
  const json::Value more = result["next_offset"];
  const bool at_end = more.is_null() && next > std::min(judgement.sending.known, judgement.end);
  const bool goes_on = more.is_number() && crash::number_of(result, "next_offset", 0) == next;
  if (asked.from > 0 && !at_end && !(full && goes_on)) wrong(judgement, "ends too early");
}

}  // namespace rstmdb::sim
