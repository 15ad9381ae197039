#include "linearizability/log_checker.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

#include "linearizability/placement.h"

namespace rstmdb::lin {
namespace {

std::string name_of(const Operation& operation) {
  std::string text = "what client " + std::to_string(operation.client) + " asked at " +
                     std::to_string(operation.invoked);
  if (!operation.acts.empty()) {
    text += " (tag " + std::to_string(operation.acts.front().tag) + ", instance " +
            std::to_string(operation.acts.front().instance) + ")";
  }
  return text;
}

class Check {
 public:
  Check(const History& history, const Timeline& timeline, Findings& findings)
      : history_(history),
        timeline_(timeline),
        findings_(findings),
        placement_(history, timeline) {}

  void acknowledged(const Operation& operation);
  void tags();
  void batches();
  void order();
  void pages();

 private:
  struct Bounds {
    uint64_t answered = 0;
    uint64_t unanswered = 0;  // of what took effect without an answer
    uint64_t least() const { return std::max(answered, unanswered); }
  };

  Place place(const Operation& operation, const Bounds& bounds) const;
  Place place_unanswered(const Operation& operation, uint64_t bound) const;
  void judge(const Operation& operation, const Place& place, const Bounds& bounds);
  void tag(const Tagged& tagged, uint64_t number);
  void page(const Operation& operation);
  bool throughout(uint32_t instance, const Operation& operation) const;

  const History& history_;
  const Timeline& timeline_;
  Findings& findings_;
  Placement placement_;
  std::unordered_map<uint32_t, std::pair<int64_t, int64_t>> lives_;  // surely there from, up to
};

void Check::acknowledged(const Operation& operation) {
  if (!operation.answered || operation.refused_at != Operation::kWhole) return;
  for (const Act& act : operation.acts) {
    if (act.verb == Verb::kRead || act.answer.refusal != Refusal::kNone) continue;
    const Tagged* tagged = timeline_.find(act.tag);
    bool kept = tagged != nullptr && tagged->offset == act.answer.offset;
    // Who asks again for what another has removed gets the offset of that removal.
    if (act.verb == Verb::kRemove && !kept && act.answer.offset <= timeline_.end()) {
      const Instance& then = timeline_.at(act.instance, act.answer.offset);
      kept = then.life == Life::kDeleted && then.offset == act.answer.offset;
    }
    findings_.check(Rule::kLostAck, kept, [&] {
      return name_of(operation) + ": tag " + std::to_string(act.tag) + " was acknowledged at " +
             std::to_string(act.answer.offset) + ", where it is not";
    });
  }
}

void Check::tags() {
  for (uint64_t number = 1; number <= timeline_.last_tag(); ++number) {
    if (const Tagged* tagged = timeline_.find(number)) tag(*tagged, number);
  }
}

void Check::tag(const Tagged& tagged, uint64_t number) {
  size_t refusals = 0;
  size_t effects = 0;
  for (const auto [operation, act] : tagged.attempts) {
    const Operation& asked = history_.operations[operation];
    if (!asked.answered) continue;
    const Answer& answer = asked.acts[act].answer;
    refusals += asked.refused_at != Operation::kWhole || answer.refusal != Refusal::kNone;
    effects += asked.acts[act].verb == Verb::kApply && answer.applied;
  }
  findings_.check(Rule::kDuplicateApply, effects <= 1, [&] {
    return "tag " + std::to_string(number) + " was applied for " + std::to_string(effects) +
           " answers";
  });
  if (refusals != tagged.attempts.size()) return;
  findings_.check(Rule::kRefusedAbsent, tagged.offset == 0, [&] {
    return "tag " + std::to_string(number) + " was refused and stands at " +
           std::to_string(tagged.offset);
  });
}

void Check::batches() {
  for (const Operation& operation : history_.operations) {
    if (operation.form != Form::kAtomic) continue;
    findings_.check(Rule::kBatchWhole, placement_.batch_is_whole(operation), [&] {
      return name_of(operation) + " is an atomic batch, and not whole in the log";
    });
  }
}

Place Check::place_unanswered(const Operation& operation, uint64_t bound) const {
  Place last;
  for (const Act& act : operation.acts) {
    const Tagged* tagged = act.verb == Verb::kRead ? nullptr : timeline_.find(act.tag);
    // Sent more than once, it may have been another time that it took effect.
    if (tagged == nullptr || tagged->offset == 0 || tagged->attempts.size() > 1) continue;
    if (tagged->offset <= bound) return {Place::Kind::kWritten, tagged->offset};
    last = {Place::Kind::kFound, std::max(last.position, tagged->offset)};
  }
  return last;
}

Place Check::place(const Operation& operation, const Bounds& bounds) const {
  if (!operation.answered) return place_unanswered(operation, bounds.least());
  return placement_.find(operation, bounds.least());
}

void Check::judge(const Operation& operation, const Place& place, const Bounds& bounds) {
  if (place.kind == Place::Kind::kNothing) return;
  // Behind what ended with an answer, but not behind what was cut off: that came too late.
  const bool late = place.position > bounds.answered && place.position <= bounds.unanswered;
  findings_.check(Rule::kLateEffect, place.kind == Place::Kind::kFound || !late, [&] {
    return name_of(operation) + " stands at " + std::to_string(place.position) +
           ", what was cut off before it took effect at " + std::to_string(bounds.unanswered);
  });
  findings_.check(Rule::kRealTime, place.kind != Place::Kind::kWritten || late, [&] {
    return name_of(operation) + " was written up to " + std::to_string(place.position) +
           ", what ended before it shows " + std::to_string(bounds.answered);
  });
  findings_.check(Rule::kStaleRead, place.kind != Place::Kind::kPassed || late, [&] {
    return name_of(operation) + " shows what was past at " + std::to_string(bounds.answered);
  });
  findings_.check(Rule::kAnswerRight, place.kind != Place::Kind::kWrong, [&] {
    return name_of(operation) + " has an answer that is right nowhere in the log";
  });
}

void Check::order() {
  std::vector<uint32_t> by_start(history_.operations.size());
  std::iota(by_start.begin(), by_start.end(), 0);
  std::vector<uint32_t> by_end = by_start;
  const auto& operations = history_.operations;
  std::ranges::sort(by_start, {}, [&](uint32_t i) { return operations[i].invoked; });
  std::ranges::sort(by_end, {}, [&](uint32_t i) { return operations[i].ended; });
  std::vector<uint64_t> positions(operations.size());
  Bounds bounds;
  size_t ended = 0;
  for (const uint32_t i : by_start) {
    const Operation& operation = operations[i];
    for (; operations[by_end[ended]].ended < operation.invoked; ++ended) {
      const uint32_t before = by_end[ended];
      uint64_t& bound = operations[before].answered ? bounds.answered : bounds.unanswered;
      bound = std::max(bound, positions[before]);
    }
    const Place found = place(operation, bounds);
    judge(operation, found, bounds);
    if (found.kind == Place::Kind::kFound) positions[i] = found.position;
  }
}

/// An instance is there throughout when its creation had been answered before the first page was
/// asked for and its removal was not asked for before the last page had come.
bool Check::throughout(uint32_t instance, const Operation& operation) const {
  const auto found = lives_.find(instance);
  return found != lives_.end() && found->second.first < operation.invoked &&
         found->second.second > operation.ended;
}

void Check::page(const Operation& operation) {
  std::unordered_map<uint32_t, uint32_t> shown;
  for (const Row& row : operation.rows) ++shown[row.instance];
  for (const auto& [instance, times] : shown) {
    findings_.check(Rule::kPageStable, times == 1, [&] {
      return name_of(operation) + " shows instance " + std::to_string(instance) + " " +
             std::to_string(times) + " times";
    });
  }
  for (const auto& [instance, life] : lives_) {
    if (instance % kMachines != operation.machine || !throughout(instance, operation)) continue;
    findings_.check(Rule::kPageStable, shown.contains(instance), [&] {
      return name_of(operation) + " does not show instance " + std::to_string(instance);
    });
  }
}

void Check::pages() {
  for (const Operation& operation : history_.operations) {
    for (const Act& act : operation.acts) {
      if (act.verb != Verb::kCreate || act.answer.refusal != Refusal::kNone) continue;
      if (!operation.answered || operation.refused_at != Operation::kWhole) continue;
      auto [life, fresh] = lives_.try_emplace(act.instance, operation.ended, INT64_MAX);
      life->second.first = std::min(life->second.first, operation.ended);
    }
  }
  for (const Operation& operation : history_.operations) {
    for (const Act& act : operation.acts) {
      const auto life = act.verb == Verb::kRemove ? lives_.find(act.instance) : lives_.end();
      if (life == lives_.end()) continue;
      life->second.second = std::min(life->second.second, operation.invoked);
    }
  }
  for (const Operation& operation : history_.operations) {
    if (operation.ask == Ask::kPages && operation.answered) page(operation);
  }
}

}  // namespace

void check_against_log(const History& history, const Timeline& timeline, Findings& findings) {
  Check check(history, timeline, findings);
  for (const Operation& operation : history.operations) check.acknowledged(operation);
  check.tags();
  check.batches();
  check.order();
  check.pages();
}

}  // namespace rstmdb::lin
