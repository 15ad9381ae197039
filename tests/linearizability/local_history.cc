#include "linearizability/local_history.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/hash.h"

namespace rstmdb::lin {
namespace {

using Kind = LocalOperation::Kind;
using Parts = std::vector<std::vector<LocalOperation>>;

uint64_t mix(uint64_t seed, uint64_t number) {
  return hash64({reinterpret_cast<const char*>(&number), sizeof number}, seed);
}

/// The acts of one request, each at its instance, together as far as they stand or fall together.
void split_acts(const Operation& operation, Parts& parts) {
  LocalOperation part{.kind = operation.answered ? Kind::kAnswered : Kind::kUnknown,
                      .invoked = operation.invoked,
                      .ended = operation.ended};
  const bool each_alone = !operation.answered && operation.form == Form::kBestEffort;
  std::map<uint32_t, std::vector<const Act*>> by_instance;
  for (const Act& act : operation.acts) {
    if (act.answer.refusal == Refusal::kNotNow) continue;
    by_instance[act.instance].push_back(&act);
  }
  if (operation.refused_at != Operation::kWhole) {
    // The acts before the one that was refused had no answer, and no effect.
    const Act& refused = operation.acts[operation.refused_at];
    part.kind = Kind::kRefusedBatch;
    for (const Act& act : operation.acts) {
      if (act.instance == refused.instance) part.acts.push_back(&act);
      if (&act == &refused) break;
    }
    if (refused.answer.refusal != Refusal::kNotNow) parts[refused.instance].push_back(part);
    return;
  }
  for (auto& [instance, acts] : by_instance) {
    if (each_alone) {
      for (const Act* act : acts) {
        part.acts = {act};
        parts[instance].push_back(part);
      }
    } else {
      part.acts = std::move(acts);
      parts[instance].push_back(part);
    }
  }
}

struct Span {
  int64_t first = INT64_MAX;
  int64_t last = INT64_MIN;
};

/// A list says something of each instance of its machine, but only those that something else
/// happens to at that time can disagree.
void split_list(const Operation& operation, const std::vector<Span>& spans, Parts& parts) {
  std::unordered_set<uint32_t> shown;
  LocalOperation part{.invoked = operation.invoked, .ended = operation.ended};
  for (const Row& row : operation.rows) {
    if (row.instance >= parts.size()) continue;  // no instance of ours: the log's checker says so
    shown.insert(row.instance);
    part.kind = Kind::kListed;
    part.state = row.state;
    part.offset = row.offset;
    parts[row.instance].push_back(part);
  }
  part.kind = Kind::kUnlisted;
  part.state = operation.state;
  part.offset = 0;
  for (uint32_t i = operation.machine; i < parts.size(); i += kMachines) {
    const bool within = spans[i].first <= operation.ended && operation.invoked <= spans[i].last;
    if (within && !shown.contains(i)) parts[i].push_back(part);
  }
}

/// What a history's first page says of its instance, if it begins with the newest.
void split_history(const Operation& operation, Parts& parts) {
  LocalOperation part{.invoked = operation.invoked, .ended = operation.ended};
  if (operation.pages.empty()) {
    part.kind = Kind::kMissing;
  } else {
    const HistoryPage& page = operation.pages.front();
    if (page.before != 0 || page.events.empty()) return;
    const Logged& newest = page.events.front();
    part.kind = newest.change == Change::kRemove ? Kind::kRemoved : Kind::kListed;
    part.state = newest.to;
    part.offset = newest.offset;
  }
  parts[operation.acts.front().instance].push_back(part);
}

bool is_shown(LocalOperation::Kind kind) {
  return kind == Kind::kListed || kind == Kind::kUnlisted || kind == Kind::kRemoved ||
         kind == Kind::kMissing;
}

bool fits(const Instance& instance, const LocalOperation& operation) {
  const bool alive = instance.life == Life::kAlive;
  const bool same = instance.offset == 0 || instance.offset == operation.offset;
  if (operation.kind == Kind::kListed) return alive && instance.state == operation.state && same;
  if (operation.kind == Kind::kRemoved) return instance.life == Life::kDeleted && same;
  if (operation.kind == Kind::kMissing) return instance.life == Life::kAbsent;
  return !alive || (operation.state != kNoState && instance.state != operation.state);
}

const Answer* find_key(const LocalState& state, const Act& act) {
  if (!act.keyed) return nullptr;
  const auto found = std::ranges::find(state.keys, act.tag, &std::pair<uint64_t, Answer>::first);
  return found == state.keys.end() ? nullptr : &found->second;
}

/// Carries out one act; false when the answer it got is not the one that is due. Without answers
/// (`told` is false) whatever is allowed is right.
bool carry_out(LocalState& state, const Act& act, bool told, uint64_t offset = 0) {
  const Answer* known = find_key(state, act);
  if (told) offset = act.answer.offset;
  const Outcome outcome = decide(state.instance, act, offset, known);
  if (told && !same_answer(act.verb, outcome.answer, act.answer)) return false;
  if (!told && outcome.answer.refusal != Refusal::kNone) return false;
  if (outcome.effect && offset != 0 && offset <= state.instance.offset) return false;
  state.instance = outcome.after;
  if (outcome.effect && act.keyed && act.verb != Verb::kRemove) {
    state.keys.emplace_back(act.tag, outcome.answer);
  }
  const bool shows = told && known == nullptr && act.answer.refusal == Refusal::kNone;
  if (shows && state.instance.offset == 0) state.instance.offset = act.answer.offset;
  return true;
}

}  // namespace

uint64_t LocalState::hash() const {
  const auto add = [](uint64_t hash, int8_t state, uint64_t offset, const Seen& seen) {
    hash = mix(mix(hash, static_cast<uint8_t>(state)), offset);
    hash = mix(mix(hash, seen.tag), seen.n);
    for (const uint64_t tag : seen.group) hash = mix(hash, tag);
    return hash;
  };
  uint64_t hash =
      add(static_cast<uint64_t>(instance.life), instance.state, instance.offset, instance.seen);
  for (const auto& [tag, answer] : keys) {
    hash = add(mix(mix(hash, tag), static_cast<uint8_t>(answer.from)), answer.to, answer.offset,
               answer.seen);
  }
  return hash;
}

std::vector<std::vector<LocalOperation>> split_by_instance(const History& history) {
  uint32_t end = 0;
  for (const Operation& operation : history.operations) {
    for (const Act& act : operation.acts) end = std::max(end, act.instance + 1);
  }
  Parts parts(end);
  for (const Operation& operation : history.operations) {
    if (operation.ask == Ask::kActs) split_acts(operation, parts);
    if (operation.ask == Ask::kHistory) split_history(operation, parts);
  }
  std::vector<Span> spans(end);
  for (uint32_t i = 0; i < end; ++i) {
    for (const LocalOperation& part : parts[i]) {
      spans[i].first = std::min(spans[i].first, part.invoked);
      spans[i].last = std::max(spans[i].last, part.ended);
    }
  }
  for (const Operation& operation : history.operations) {
    if (operation.ask == Ask::kList && operation.answered) split_list(operation, spans, parts);
  }
  return parts;
}

std::vector<LocalOperation> inform(const std::vector<LocalOperation>& operations,
                                   const Timeline& timeline) {
  std::vector<LocalOperation> informed;
  for (LocalOperation operation : operations) {
    if (operation.kind == Kind::kUnknown) {
      bool once = true;
      for (const Act* act : operation.acts) {
        const Tagged* tagged = timeline.find(act->tag);
        once = once && tagged->attempts.size() == 1;
        if (tagged->offset != 0) operation.offsets.push_back(tagged->offset);
      }
      if (operation.offsets.empty()) continue;
      // Of what was sent again, the log does not say which time it was.
      if (operation.offsets.size() != operation.acts.size()) operation.offsets.clear();
      if (once && !operation.offsets.empty()) operation.kind = Kind::kLogged;
    }
    informed.push_back(std::move(operation));
  }
  return informed;
}

std::optional<LocalState> step(const LocalState& before, const LocalOperation& operation) {
  if (is_shown(operation.kind)) {
    if (!fits(before.instance, operation)) return std::nullopt;
    LocalState after = before;
    if (operation.offset != 0) after.instance.offset = operation.offset;
    return after;
  }
  LocalState after = before;
  for (size_t i = 0; i < operation.acts.size(); ++i) {
    const Act* act = operation.acts[i];
    const bool last = i + 1 == operation.acts.size();
    if (!operation.offsets.empty()) {
      if (!carry_out(after, *act, false, operation.offsets[i])) return std::nullopt;
      continue;
    }
    if (operation.kind == Kind::kRefusedBatch) {
      if (!last && !carry_out(after, *act, false)) return std::nullopt;
      if (!last) continue;
      const Outcome outcome = decide(after.instance, *act, 0, find_key(after, *act));
      if (outcome.answer.refusal != act->answer.refusal) return std::nullopt;
      return before;
    }
    if (!carry_out(after, *act, operation.kind == Kind::kAnswered)) return std::nullopt;
  }
  return after;
}

}  // namespace rstmdb::lin
