#include "linearizability/model.h"

#include <algorithm>

#include "crash/model.h"

namespace rstmdb::lin {
namespace {

int8_t place_of(std::string_view state) {
  return static_cast<int8_t>(std::ranges::find(crash::kStates, state) - crash::kStates);
}

Outcome refused(const Instance& before, Refusal refusal) {
  return {.answer = {.refusal = refusal}, .after = before};
}

Seen merged(Seen seen, const Act& act) {
  seen.tag = act.tag;
  seen.n = act.n;
  seen.group[act.group] = act.tag;
  return seen;
}

Outcome create(const Instance& before, const Act& act, uint64_t offset) {
  if (before.life != Life::kAbsent) return refused(before, Refusal::kExists);
  Outcome outcome;
  outcome.effect = true;
  outcome.after = {.life = Life::kAlive, .state = 0, .offset = offset, .seen = merged({}, act)};
  outcome.answer = {.applied = true, .offset = offset, .to = 0};
  return outcome;
}

/// A refusal that another state could have spared the client shows which check it was by its code;
/// their order is the protocol's.
Outcome apply(const Instance& before, const Act& act, uint64_t offset) {
  if (act.expected_state != kNoState && act.expected_state != before.state) {
    return refused(before, Refusal::kConflict);
  }
  // An offset that nobody has shown yet cannot be compared: then the answer decides.
  const bool comparable = before.offset != 0 || act.answer.refusal == Refusal::kConflict;
  if (act.expected_offset != 0 && comparable && act.expected_offset != before.offset) {
    return refused(before, Refusal::kConflict);
  }
  const auto target =
      crash::next_state(crash::kStates[static_cast<size_t>(before.state)],
                        crash::kEvents[act.event], static_cast<int64_t>(before.seen.n));
  if (!target) {
    const bool guarded = crash::kEvents[act.event] == "back" && before.state != 0;
    return refused(before, guarded ? Refusal::kGuardFailed : Refusal::kInvalidTransition);
  }
  Outcome outcome;
  outcome.effect = true;
  outcome.after = {.life = Life::kAlive,
                   .state = place_of(*target),
                   .offset = offset,
                   .seen = merged(before.seen, act)};
  outcome.answer = {.applied = true,
                    .offset = offset,
                    .from = before.state,
                    .to = outcome.after.state,
                    .seen = outcome.after.seen};
  return outcome;
}

Outcome remove(const Instance& before, uint64_t offset) {
  if (before.life == Life::kAbsent) return refused(before, Refusal::kNotFound);
  Outcome outcome{.answer = {.offset = before.offset}, .after = before};
  if (before.life == Life::kDeleted) return outcome;
  outcome.effect = true;
  outcome.after = {.life = Life::kDeleted, .offset = offset};
  outcome.answer = {.applied = true, .offset = offset};
  return outcome;
}

}  // namespace

Outcome decide(const Instance& before, const Act& act, uint64_t offset, const Answer* known) {
  const bool missing = before.life != Life::kAlive;
  if (missing && (act.verb == Verb::kApply || act.verb == Verb::kRead)) {
    return refused(before, Refusal::kNotFound);
  }
  if (known != nullptr && act.verb != Verb::kRemove) {
    Outcome outcome{.answer = *known, .after = before};
    outcome.answer.applied = false;
    return outcome;
  }
  switch (act.verb) {
    case Verb::kCreate:
      return create(before, act, offset);
    case Verb::kApply:
      return apply(before, act, offset);
    case Verb::kRemove:
      return remove(before, offset);
    case Verb::kRead:
      return {.answer = {.offset = before.offset, .to = before.state, .seen = before.seen},
              .after = before};
  }
  return {};
}

bool same_answer(Verb verb, const Answer& due, const Answer& given) {
  if (due.refusal != given.refusal) return false;
  if (due.refusal != Refusal::kNone) return true;
  if (due.offset != 0 && due.offset != given.offset) return false;
  switch (verb) {
    case Verb::kCreate:
      return due.to == given.to;
    case Verb::kApply:
      return due.applied == given.applied && due.from == given.from && due.to == given.to &&
             due.seen == given.seen;
    case Verb::kRemove:
      return true;
    case Verb::kRead:
      return due.to == given.to && due.seen == given.seen;
  }
  return false;
}

Instance fold(const Instance& before, const Logged& record) {
  if (record.change == Change::kPut) return before;
  if (record.change == Change::kRemove) return {.life = Life::kDeleted, .offset = record.offset};
  return {.life = Life::kAlive, .state = record.to, .offset = record.offset, .seen = record.seen};
}

bool passes(const Filter& filter, const Logged& record) {
  const auto in = [](uint8_t set, int place) {
    return set == 0 || (place >= 0 && (set >> place & 1));
  };
  if (record.change == Change::kPut) return false;
  const uint8_t applies = 1U << static_cast<int>(Change::kApply);
  if (!in(filter.kinds == 0 ? applies : filter.kinds, static_cast<int>(record.change)))
    return false;
  if (filter.instance != 0) return record.instance == filter.instance;
  // What a creation or a deletion lacks does not pass a filter on it.
  const int event = record.change == Change::kApply ? record.event : -1;
  return in(filter.machines, static_cast<int>(record.instance % kMachines)) &&
         in(filter.events, event) && in(filter.from_states, record.from) &&
         in(filter.to_states, record.to);
}

}  // namespace rstmdb::lin
