#include "linearizability/placement.h"

#include <algorithm>
#include <span>
#include <utility>

namespace rstmdb::lin {

Place Placement::find(const Operation& operation, uint64_t bound) const {
  switch (operation.ask) {
    case Ask::kActs:
      if (operation.form == Form::kBestEffort) return find_unordered(operation, bound);
      return find_acts(operation.acts, operation.refused_at, bound);
    case Ask::kList:
      return find_list(operation, bound);
    case Ask::kWatchAll:
      if (operation.position < bound) return {Place::Kind::kPassed, operation.position};
      if (operation.position > timeline_.end() ||
          timeline_.whole(operation.position) != operation.position) {
        return {Place::Kind::kWrong, 0};
      }
      return {Place::Kind::kFound, operation.position};
    case Ask::kWatchInstance:
      return find_watched(operation, bound);
    case Ask::kHistory:
      return find_history(operation, bound);
    case Ask::kPages:
      return {};
  }
  return {};
}

/// Each element of a best-effort batch for itself, one after the other.
Place Placement::find_unordered(const Operation& operation, uint64_t bound) const {
  Place last;
  for (const Act& act : operation.acts) {
    const Place place = find_acts({&act, 1}, Operation::kWhole, bound);
    if (place.kind == Place::Kind::kNothing) continue;
    if (place.kind != Place::Kind::kFound) return place;
    bound = place.position;
    last = place;
  }
  return last;
}

/// The offset of the first record that these acts have written; 0 when they have written none.
/// Where the answer does not tell a first effect from a repetition, the bound does.
uint64_t Placement::first_written(std::span<const Act> acts, uint64_t bound) const {
  for (const Act& act : acts) {
    if (act.verb == Verb::kRead || act.answer.refusal != Refusal::kNone) continue;
    const Tagged* tagged = timeline_.find(act.tag);
    if (tagged == nullptr || tagged->offset != act.answer.offset) continue;
    const bool repeated = tagged->attempts.size() > 1 && tagged->offset <= bound;
    if (act.verb == Verb::kApply ? act.answer.applied : !repeated) return tagged->offset;
  }
  return 0;
}

/// Whether all of it was sent more than once, so that the answer may be a repeated one.
bool Placement::repeated(std::span<const Act> acts) const {
  return std::ranges::all_of(acts, [&](const Act& act) {
    const Tagged* tagged = act.verb == Verb::kRead ? nullptr : timeline_.find(act.tag);
    return tagged != nullptr && tagged->attempts.size() > 1;
  });
}

uint64_t Placement::next_change(std::span<const Act> acts, uint64_t offset) const {
  uint64_t next = 0;
  for (const Act& act : acts) {
    const uint64_t change = timeline_.next_change(act.instance, offset);
    if (change != 0 && (next == 0 || change < next)) next = change;
  }
  return next;
}

Place Placement::find_acts(std::span<const Act> acts, uint32_t refused_at, uint64_t bound) const {
  if (refused_at != Operation::kWhole) acts = acts.first(refused_at + 1);
  if (acts.back().answer.refusal == Refusal::kNotNow) return {};
  if (refused_at == Operation::kWhole) {
    if (const uint64_t first = first_written(acts, bound)) {
      const Run run = this->run(acts, refused_at, first - 1);
      const uint64_t last = first - 1 + run.effects;
      if (run.right) return {first > bound ? Place::Kind::kFound : Place::Kind::kWritten, last};
      if (!repeated(acts)) return {Place::Kind::kWrong, first};
    }
  }
  bound = timeline_.whole(bound);
  for (uint64_t at = bound;;) {
    const Run run = this->run(acts, refused_at, at);
    if (run.right && run.effects == 0) return {Place::Kind::kFound, at};
    at = timeline_.whole(next_change(acts, at));
    if (at == 0) break;
  }
  for (uint64_t at = 0; at < bound;) {
    if (run(acts, refused_at, at).right) return {Place::Kind::kPassed, at};
    at = timeline_.whole(next_change(acts, at));
    if (at == 0) break;
  }
  return {Place::Kind::kWrong, 0};
}

Placement::Run Placement::run(std::span<const Act> acts, uint32_t refused_at, uint64_t base) const {
  std::vector<std::pair<uint32_t, Instance>> changed;
  Run run;
  for (const Act& act : acts) {
    const auto own =
        std::ranges::find(changed, act.instance, &std::pair<uint32_t, Instance>::first);
    const Instance& before = own == changed.end() ? timeline_.at(act.instance, base) : own->second;
    const Tagged* tagged = act.keyed ? timeline_.find(act.tag) : nullptr;
    const bool used = tagged != nullptr && tagged->offset != 0 && tagged->offset <= base;
    const Answer first = used ? timeline_.first_answer(*tagged) : Answer();
    const Outcome outcome = decide(before, act, base + 1 + run.effects, used ? &first : nullptr);
    const bool told = refused_at == Operation::kWhole || &act == &acts.back();
    if (told && !same_answer(act.verb, outcome.answer, act.answer)) return {};
    if (!told && outcome.answer.refusal != Refusal::kNone) return {};
    if (!outcome.effect) continue;
    ++run.effects;
    if (own == changed.end()) {
      changed.emplace_back(act.instance, outcome.after);
    } else {
      own->second = outcome.after;
    }
  }
  // A batch that is refused has none.
  if (refused_at != Operation::kWhole) run.effects = 0;
  run.right = true;
  return run;
}

bool Placement::batch_is_whole(const Operation& operation) const {
  uint64_t first = 0;
  std::vector<uint64_t> offsets;
  for (const Act& act : operation.acts) {
    const Tagged* tagged = timeline_.find(act.tag);
    if (tagged == nullptr || tagged->offset == 0) continue;
    offsets.push_back(tagged->offset);
    if (first == 0) first = tagged->offset;
  }
  if (offsets.empty()) return true;
  // A unit of one record is numbered as none.
  const size_t size = offsets.size() == 1 ? 0 : offsets.size();
  for (size_t i = 0; i < offsets.size(); ++i) {
    const Logged& record = history_.records[offsets[i] - 1];
    if (offsets[i] != first + i || record.batch_index != i) return false;
    if (record.batch_size != size) return false;
  }
  return true;
}

Place Placement::find_list(const Operation& operation, uint64_t bound) const {
  uint64_t sum = 0;
  for (const Row& row : operation.rows) sum += Timeline::row_sum(row);
  const auto& lists = timeline_.lists(operation.machine);
  const auto which = static_cast<size_t>(operation.state + 1);
  const auto behind = std::ranges::upper_bound(lists, bound, {}, &Timeline::ListSum::offset);
  for (auto at = std::prev(behind); at != lists.end(); ++at) {
    if (at->sums[which] == sum) return {Place::Kind::kFound, std::max(at->offset, bound)};
  }
  for (auto at = lists.begin(); at != behind; ++at) {
    if (at->sums[which] == sum) return {Place::Kind::kPassed, at->offset};
  }
  return {Place::Kind::kWrong, 0};
}

Place Placement::find_watched(const Operation& operation, uint64_t bound) const {
  const uint32_t instance = operation.acts.front().instance;
  const Instance& shown = timeline_.at(instance, operation.position);
  const bool as_said = operation.state == kNoState
                           ? shown.life == Life::kDeleted
                           : shown.life == Life::kAlive && shown.state == operation.state;
  if (!as_said || shown.offset != operation.position) return {Place::Kind::kWrong, 0};
  return find_newest(instance, operation.position, bound);
}

/// Where `newest` is the instance's last record.
Place Placement::find_newest(uint32_t instance, uint64_t newest, uint64_t bound) const {
  const uint64_t next = timeline_.next_change(instance, newest);
  if (next != 0 && next <= timeline_.whole(newest)) return {Place::Kind::kWrong, newest};
  if (next != 0 && next <= bound) return {Place::Kind::kPassed, newest};
  return {Place::Kind::kFound, std::max(newest, bound)};
}

/// The first page shows the instance's last record, if the log still has that.
Place Placement::find_history(const Operation& operation, uint64_t bound) const {
  const uint32_t instance = operation.acts.front().instance;
  const Instance& known = timeline_.at(instance, bound);
  if (operation.pages.empty()) {
    if (known.life == Life::kAbsent) return {Place::Kind::kFound, bound};
    return {Place::Kind::kPassed, timeline_.next_change(instance, 0) - 1};
  }
  const HistoryPage& page = operation.pages.front();
  if (page.before != 0) return {};
  if (page.events.empty()) {
    if (known.offset < page.horizon) return {};
    return {Place::Kind::kPassed, page.horizon - 1};
  }
  const uint64_t newest = page.events.front().offset;
  if (timeline_.at(instance, newest).offset != newest) return {Place::Kind::kWrong, newest};
  return find_newest(instance, newest, bound);
}

}  // namespace rstmdb::lin
