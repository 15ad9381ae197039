// Answers to writes: judged at every point between question and answer at which they may differ.
#include <algorithm>

#include "base/limits.h"
#include "crash/facts.h"
#include "oracle.h"

namespace rstmdb::sim {
namespace {

constexpr int64_t kMemorySeenMs = 10'000;  // by then the server has seen what memory is used

bool is_full_memory(json::Value error) {
  return crash::text_of(error["details"], "code") == "MEMORY_LIMIT";
}

}  // namespace

void Oracle::judge() {
  while (!waiting_.empty() && waiting_.front().end <= last_offset()) {
    const Judgement judgement = std::move(waiting_.front());
    waiting_.pop_front();
    const bool read = document_.parse(judgement.payload).ok();
    findings_.check(Rule::kAnswersRight, read, [&] { return "no JSON: " + judgement.payload; });
    if (!read) continue;
    if (judgement.what == Judgement::What::kNotification) {
      judge_notification(judgement);
    } else {
      judge_answer(judgement);
    }
  }
}

void Oracle::wrong(const Judgement& judgement, std::string why) {
  const Ask& asked = asks_[judgement.sending.ask];
  findings_.violate(Rule::kAnswersRight,
                    why + "; asked with " + std::to_string(judgement.sending.known) +
                        " known on connection " + std::to_string(judgement.sending.connection) +
                        ", answered with " + std::to_string(judgement.end) +
                        " committed: " + std::string(asked.op) + " " + asked.params.substr(0, 600) +
                        " -> " + judgement.payload.substr(0, 600));
}

void Oracle::judge_answer(const Judgement& judgement) {
  const json::Value response = document_.root();
  const std::string code = crash::text_of(response["error"], "code");
  if (!allowed(judgement.sending)) return judge_forbidden(judgement, response);
  if (!code.empty() && excused(judgement, response["error"])) return;
  findings_.check(Rule::kAnswersRight, true, [] { return std::string(); });
  switch (asks_[judgement.sending.ask].kind) {
    case Ask::Kind::kWrites:
      return judge_writes(judgement, response);
    case Ask::Kind::kGet:
      return judge_get(judgement, response);
    case Ask::Kind::kList:
      return judge_list(judgement, response);
    case Ask::Kind::kMachines:
      return judge_machines(judgement, response);
    case Ask::Kind::kCount:
      return judge_count(judgement, response);
    case Ask::Kind::kHistory:
      return judge_history(judgement, response);
    case Ask::Kind::kLogRead:
      return judge_log_read(judgement, response);
    case Ask::Kind::kWatch:
      return judge_watch(judgement, response);
    case Ask::Kind::kAuth:
      return judge_auth(judgement, response);
    case Ask::Kind::kUnwatch:
    case Ask::Kind::kCompact:
    case Ask::Kind::kPing:
    case Ask::Kind::kHello:
      if (!code.empty()) wrong(judgement, "refused");
      return;
  }
}

bool Oracle::allowed(const Sending& sending) const {
  const Standing& standing = sending.standing;
  return standing.refusal.empty() && standing.may >= needed(asks_[sending.ask].kind);
}

void Oracle::judge_forbidden(const Judgement& judgement, json::Value response) {
  const Standing& standing = judgement.sending.standing;
  const json::Value details = response["error"]["details"];
  const std::string code = crash::text_of(response["error"], "code");
  findings_.check(Rule::kAnswersRight, true, [] { return std::string(); });
  bool right = false;
  if (!standing.refusal.empty()) {
    right = code == standing.refusal && crash::text_of(details, "code") == standing.refusal_detail;
  } else if (standing.may == May::kNothing) {
    right = code == "UNAUTHORIZED" && !details["code"];
  } else {
    const May may = needed(asks_[judgement.sending.ask].kind);
    right = code == "UNAUTHORIZED" && crash::text_of(details, "code") == "FORBIDDEN" &&
            crash::text_of(details, "required") == may_name(may);
  }
  if (!right) wrong(judgement, "this caller may not do that");
}

void Oracle::judge_auth(const Judgement& judgement, json::Value response) {
  const Standing& standing = tokens()[asks_[judgement.sending.ask].token].standing;
  const json::Value error = response["error"];
  const bool right = standing.refusal.empty()
                         ? response["result"]["authenticated"].text() == "true"
                         : crash::text_of(error, "code") == standing.refusal &&
                               crash::text_of(error["details"], "code") == standing.refusal_detail;
  if (!right) wrong(judgement, "not what this token is worth");
}

/// Whether the error is one that the faults of this life explain.
bool Oracle::excused(const Judgement& judgement, json::Value error) {
  const std::string code = crash::text_of(error, "code");
  if (code == "WAL_IO_ERROR") return judgement.excuses.log_stops;
  // Over HTTP, a request that arrives too slowly.
  if (code == "BAD_REQUEST" && error["status"].text() == "408")
    return judgement.sending.took_ms >= limits::kHttpTimeoutMs;
  return code == "RATE_LIMITED" && judgement.excuses.refuses && !is_full_memory(error);
}

void Oracle::judge_writes(const Judgement& judgement, json::Value response) {
  const Ask& asked = asks_[judgement.sending.ask];
  const json::Value results = response["result"]["results"];
  if (!results) {
    if (response["error"]) return judge_refusal(judgement, response["error"], asked.tags);
    return judge_success(judgement, asked.tags.front(), crash::read_write_answer(response));
  }
  size_t place = 0;
  for (json::Value element = results.first(); element; element = element.next(), ++place) {
    if (place >= asked.tags.size()) break;
    const json::Value error = element["error"];
    if (error && excused(judgement, error)) continue;
    if (error) {
      judge_refusal(judgement, error, {asked.tags[place]});
    } else {
      judge_success(judgement, asked.tags[place], crash::read_write_answer(element));
    }
  }
  if (place != asked.tags.size()) wrong(judgement, "not one result for each write");
}

void Oracle::judge_success(const Judgement& judgement, uint64_t tag,
                           const crash::WriteAnswer& answer) {
  const Entry& entry = this->entry(tag);
  const bool is_put = entry.write.kind == crash::Kind::kPut;
  findings_.check(Rule::kNothingLost, entry.found != 0 && entry.found <= judgement.end, [&] {
    return "acknowledged at " + std::to_string(answer.offset) +
           " and not in the log: " + described(tag);
  });
  if (entry.found == 0) return;
  if (!is_put && answer.offset != entry.found)
    return wrong(judgement, "its record is at " + std::to_string(entry.found));
  if (crash::facts_of(entry.write.kind, answer) != entry.facts)
    return wrong(judgement, "its record says something else");
  if (taken_at_full_memory(judgement, entry))
    return wrong(judgement, "it makes the state larger, which should have been refused");
  if (!answer.applied) return;
  if (*answer.applied && entry.found <= judgement.sending.known)
    return wrong(judgement, "said to be applied by this request, but was before it");
  if (!*answer.applied && entry.sends == 1)
    return wrong(judgement, "said to be a repetition, but was sent once");
}

void Oracle::judge_refusal(const Judgement& judgement, json::Value error,
                           const std::vector<uint64_t>& tags) {
  std::vector<uint64_t> points{judgement.sending.known, judgement.end};
  for (const uint64_t tag : tags)
    timelines_.add_points(entry(tag).write, judgement.sending.known, judgement.end, points);
  const bool holds = std::ranges::any_of(points, [&](uint64_t point) {
    return is_full_memory(error) ? memory_may_be_full(judgement) && grows_at(point, tags)
                                 : refusal_holds_at(point, error, tags);
  });
  if (!holds) wrong(judgement, "at no point would it have been refused so");
}

/// Whether the server may take memory for full when it decides what is judged.
bool Oracle::memory_may_be_full(const Judgement& judgement) {
  const Excuses& excuses = judgement.excuses;
  return excuses.memory_full || judgement.sending.at_ms < excuses.memory_since_ms + kMemorySeenMs;
}

/// Whether all of `tags` would be accepted at `point`, and make the state larger.
bool Oracle::grows_at(uint64_t point, const std::vector<uint64_t>& tags) const {
  Timelines::Draft draft;
  bool grows = false;
  for (const uint64_t tag : tags) {
    const crash::Write& write = this->write(tag);
    const Decision decision = timelines_.decide(write, tag, point, draft);
    if (!decision.code.empty()) return false;
    if (decision.offset != 0 || write.kind == crash::Kind::kRemove) continue;
    const Timeline* timeline = timelines_.find(write.instance_id);
    const Version* before = timeline == nullptr ? nullptr : timeline->at(point);
    if (write.kind != crash::Kind::kApply || before == nullptr ||
        draft[write.instance_id].bytes > before->bytes)
      grows = true;
  }
  return grows;
}

/// Whether the write made the state larger (a part of a batch cannot be told) when the server had
/// known for some time that memory is full.
bool Oracle::taken_at_full_memory(const Judgement& judgement, const Entry& entry) const {
  const Excuses& excuses = judgement.excuses;
  const bool full =
      excuses.memory_full && judgement.sending.at_ms > excuses.memory_since_ms + kMemorySeenMs;
  const bool by_this = entry.sends == 1 && asks_[entry.ask].tags.size() == 1;
  if (!full || !by_this || entry.write.kind == crash::Kind::kRemove) return false;
  if (entry.write.kind != crash::Kind::kApply) return true;
  const Timeline* timeline = timelines_.find(entry.write.instance_id);
  const Version* after = timeline == nullptr ? nullptr : timeline->made_by(entry.found);
  return after != nullptr && after->bytes > timeline->at(entry.found - 1)->bytes;
}

bool Oracle::refusal_holds_at(uint64_t point, json::Value error,
                              const std::vector<uint64_t>& tags) const {
  const json::Value details = error["details"];
  const uint64_t index = crash::number_of(details, "index", 0);
  Timelines::Draft draft;
  for (size_t place = 0; place < tags.size(); ++place) {
    const uint64_t tag = tags[place];
    const Decision decision = timelines_.decide(write(tag), tag, point, draft);
    if (place < index) {
      if (!decision.code.empty()) return false;
      continue;
    }
    if (decision.code != crash::text_of(error, "code")) return false;
    if (!decision.detail_code.empty() && decision.detail_code != crash::text_of(details, "code"))
      return false;
    const std::string_view shown = decision.code == "CONFLICT" ? "actual_state" : "current_state";
    if (!decision.state.empty() && decision.state != crash::text_of(details, shown)) return false;
    return decision.offset == 0 || decision.offset == UINT64_MAX ||
           decision.offset == crash::number_of(details, "actual_offset", 0);
  }
  return false;
}

}  // namespace rstmdb::sim
