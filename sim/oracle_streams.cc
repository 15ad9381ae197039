// Subscriptions: a stream has a cursor in the log; what it skips must not have been wanted, and
// what it tells must be the next that was.
#include <algorithm>

#include "oracle.h"

namespace rstmdb::sim {
namespace {

std::string_view kind_name(crash::Kind kind) {
  return kind == crash::Kind::kCreate   ? "create"
         : kind == crash::Kind::kRemove ? "delete"
                                        : "transition";
}

bool passes(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || (!name.empty() && std::ranges::find(names, name) != names.end());
}

}  // namespace

StreamId Oracle::begin_stream(const Sending& sending, json::Value result) {
  const WatchWish& wish = asks_[sending.ask].watch;
  const std::string_view start = wish.instance_id.empty() ? "wal_offset" : "current_wal_offset";
  streams_.push_back(
      {.wish = wish,
       .cursor = wish.resumes ? wish.after_offset : crash::number_of(result, start, 0)});
  return streams_.size() - 1;
}

void Oracle::notified(StreamId stream, uint64_t offset, std::string_view payload, uint64_t end) {
  ++counts_.events;
  findings_.check(Rule::kStreams, offset <= end, [&] {
    return "told of offset " + std::to_string(offset) + " when the log was committed up to " +
           std::to_string(end) + ": " + std::string(payload.substr(0, 500));
  });
  frontier_ = std::max(frontier_, offset);
  waiting_.push_back({.what = Judgement::What::kNotification,
                      .stream = stream,
                      .end = std::max(end, offset),
                      .excuses = excuses_,
                      .payload = std::string(payload)});
}

const std::string& Oracle::machine_of(const crash::LogRecord& record) const {
  static const std::string none;
  if (record.kind == crash::Kind::kPut) return record.machine;
  const Timeline* timeline = timelines_.find(record.instance_id);
  return timeline == nullptr ? none : timeline->machine;
}

bool Oracle::wants(const WatchWish& wish, const crash::LogRecord& record) const {
  if (record.kind == crash::Kind::kPut) return false;
  const std::string_view kind = kind_name(record.kind);
  if (wish.kinds.empty() ? record.kind != crash::Kind::kApply : !passes(wish.kinds, kind))
    return false;
  if (!wish.instance_id.empty() && wish.instance_id != record.instance_id) return false;
  std::string_view from = record.from_state;
  if (record.kind == crash::Kind::kRemove) {
    const Timeline* timeline = timelines_.find(record.instance_id);
    from = timeline->at(record.offset)->state;
  }
  return passes(wish.machines, machine_of(record)) && passes(wish.events, record.event) &&
         passes(wish.from_states, from) && passes(wish.to_states, record.to_state);
}

void Oracle::judge_watch(const Judgement& judgement, json::Value response) {
  const WatchWish& wish = asks_[judgement.sending.ask].watch;
  const json::Value result = response["result"];
  const std::string code = crash::text_of(response["error"], "code");
  if (code == "NOT_FOUND") {
    const uint64_t oldest = crash::number_of(response["error"]["details"], "oldest_offset", 0);
    if (!wish.resumes || oldest <= wish.after_offset + 1)
      wrong(judgement, "the log has what was asked for");
    return;
  }
  if (wish.instance_id.empty()) {
    if (!result) return wrong(judgement, "refused");
    const uint64_t head = crash::number_of(result, "wal_offset", 0);
    if (head < judgement.sending.known || head > judgement.end)
      wrong(judgement, "not the end of the log at that time");
    return;
  }
  const Timeline* timeline = timelines_.find(wish.instance_id);
  if (!result) {
    const bool absent = timeline == nullptr ||
                        timeline->versions.front().offset > judgement.sending.known ||
                        (timeline->at(judgement.end)->deleted && !wish.resumes);
    if (code != "INSTANCE_NOT_FOUND" || !absent) wrong(judgement, "refused");
    return;
  }
  const uint64_t offset = crash::number_of(result, "current_wal_offset", 0);
  const Version* version = timeline == nullptr ? nullptr : timeline->made_by(offset);
  if (version == nullptr || (version->deleted && !wish.resumes) ||
      (!version->deleted && version->state != crash::text_of(result, "current_state")) ||
      version->deleted != (result["deleted"].text() == "true") ||
      timeline->valid_until(*version) < judgement.sending.known)
    wrong(judgement, "not what the instance was at that time");
}

void Oracle::judge_notification(const Judgement& judgement) {
  Stream& stream = streams_[judgement.stream];
  const json::Value event = document_.root();
  const uint64_t offset = crash::number_of(event, "wal_offset", 0);
  const auto complain = [&](std::string why) {
    findings_.violate(Rule::kStreams, why + " (all up to " + std::to_string(stream.cursor) +
                                          " was accounted for): " + judgement.payload);
  };
  findings_.check(Rule::kStreams, true, [] { return std::string(); });
  if (offset == 0 || offset > last_offset()) return complain("of no record");
  if (offset <= stream.cursor) return complain("told twice, or out of order, or before the start");
  for (uint64_t skipped = stream.cursor + 1; skipped < offset; ++skipped) {
    if (wants(stream.wish, records_[skipped - 1]))
      return complain("leaves out " + crash::name_of(records_[skipped - 1]));
  }
  stream.cursor = offset;
  const crash::LogRecord& record = records_[offset - 1];
  if (!wants(stream.wish, record)) return complain("was not wanted");
  const bool same_kind = stream.wish.kinds.empty()
                             ? !event["kind"]
                             : crash::text_of(event, "kind") == kind_name(record.kind);
  const bool is_event = record.kind == crash::Kind::kApply;
  const std::string_view context =
      record.context.empty() ? std::string_view("null") : std::string_view(record.context);
  const bool same_context =
      stream.wish.with_context ? event["ctx"].text() == context : !event["ctx"];
  const bool same = same_kind && same_context &&
                    crash::text_of(event, "instance_id") == record.instance_id &&
                    crash::text_of(event, "machine") == machine_of(record) &&
                    crash::text_of(event, "to_state") == record.to_state &&
                    crash::text_of(event, "event") == record.event &&
                    (!is_event || crash::text_of(event, "from_state") == record.from_state) &&
                    (!is_event || event["payload"].text() == record.body);
  if (!same) complain("is not what " + crash::name_of(record) + " says");
}

bool Oracle::streams_are_whole() const { return lacking().empty(); }

std::string Oracle::lacking() const {
  for (StreamId id = 0; id < streams_.size(); ++id) {
    const Stream& stream = streams_[id];
    if (!stream.open) continue;
    for (uint64_t offset = stream.cursor + 1; offset <= last_offset(); ++offset) {
      if (wants(stream.wish, records_[offset - 1]))
        return "stream " + std::to_string(id) + " was not told of " +
               crash::name_of(records_[offset - 1]);
    }
  }
  return "";
}

}  // namespace rstmdb::sim
