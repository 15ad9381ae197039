#include "timeline.h"

#include <algorithm>

#include "crash/facts.h"
#include "crash/model.h"

namespace rstmdb::sim {
namespace {

/// A name that outlives every record.
std::string_view literal(std::string_view state) {
  const auto* found = std::ranges::find(crash::kStates, state);
  return found == std::end(crash::kStates) ? "?" : *found;
}

bool has_transition(std::string_view state, std::string_view event) {
  if (event == "next") return true;
  if (event == "jump") return state == "a";
  return event == "back" && state != "a";
}

crash::Members members_of(const std::string& text) {
  json::Document document;
  return document.parse(text).ok() ? crash::Members(document.root()) : crash::Members();
}

/// What the member of a context that a payload may leave out takes, with its comma.
size_t bytes_besides(const crash::Members& members) {
  constexpr std::string_view kName = "deep";
  const size_t value = members.size_of(kName);
  return value == 0 ? 0 : value + kName.size() + 4;
}

}  // namespace

const Version* Timeline::at(uint64_t point) const {
  const auto behind = std::ranges::upper_bound(versions, point, {}, &Version::offset);
  return behind == versions.begin() ? nullptr : &*std::prev(behind);
}

const Version* Timeline::made_by(uint64_t offset) const {
  const Version* version = at(offset);
  return version != nullptr && version->offset == offset ? version : nullptr;
}

uint64_t Timeline::valid_until(const Version& version) const {
  const auto next = std::ranges::upper_bound(versions, version.offset, {}, &Version::offset);
  return next == versions.end() ? UINT64_MAX : next->offset - 1;
}

void Timelines::add(const crash::LogRecord& record, const crash::Fold& fold) {
  if (!record.key.empty()) keys_.emplace(record.key, KeyUse{record.offset, record.tag});
  if (record.kind == crash::Kind::kPut) {
    machines_.emplace(record.machine, record.offset);
    machine_offsets_.push_back(record.offset);
    return;
  }
  const auto folded = fold.instances().find(record.instance_id);
  if (folded == fold.instances().end()) return;
  Timeline& timeline = instances_[record.instance_id];
  timeline.machine = folded->second.machine;
  const bool deleted = record.kind == crash::Kind::kRemove;
  if (!timeline.versions.empty()) {
    Version last = timeline.versions.back();
    last.offset = record.offset;
    if (!last.deleted) count(timeline, last, -1);
  }
  timeline.versions.push_back(
      {.offset = record.offset,
       .ts = record.ts,
       .state = literal(folded->second.state),
       .n = folded->second.context.number("n"),
       .view = deleted ? 0 : crash::view_of(record.to_state, record.context),
       .bytes = record.context.size(),
       .bytes_besides = bytes_besides(folded->second.context),
       .deleted = deleted});
  if (!deleted) count(timeline, timeline.versions.back(), 1);
}

void Timelines::count(const Timeline& timeline, const Version& version, int64_t change) {
  for (const std::string& machine : {std::string(), timeline.machine}) {
    for (const std::string_view state : {std::string_view(), version.state}) {
      std::vector<Count>& cell = counts_[{machine, state}];
      const uint64_t alive = (cell.empty() ? 0 : cell.back().alive) + static_cast<uint64_t>(change);
      if (!cell.empty() && cell.back().offset == version.offset) {
        cell.back().alive = alive;
      } else {
        cell.push_back({version.offset, alive});
      }
    }
  }
}

bool Timelines::counted(const std::string& machine, std::string_view state, uint64_t from,
                        uint64_t to, uint64_t count) const {
  const auto cell = counts_.find({machine, state});
  if (cell == counts_.end()) return count == 0;
  const std::vector<Count>& counts = cell->second;
  auto next = std::ranges::upper_bound(counts, from, {}, &Count::offset);
  if ((next == counts.begin() ? 0 : std::prev(next)->alive) == count) return true;
  for (; next != counts.end() && next->offset <= to; ++next)
    if (next->alive == count) return true;
  return false;
}

const Timeline* Timelines::find(const std::string& instance) const {
  const auto found = instances_.find(instance);
  return found == instances_.end() ? nullptr : &found->second;
}

uint64_t Timelines::registered_at(const std::string& machine) const {
  const auto found = machines_.find(machine);
  return found == machines_.end() ? 0 : found->second;
}

std::set<std::string> Timelines::machine_names(uint64_t point) const {
  std::set<std::string> names;
  for (const auto& [name, offset] : machines_)
    if (offset <= point) names.insert(name);
  return names;
}

std::vector<uint64_t> Timelines::machine_points(uint64_t from, uint64_t to) const {
  std::vector<uint64_t> points{from};
  for (const uint64_t offset : machine_offsets_)
    if (offset > from && offset <= to) points.push_back(offset);
  return points;
}

const Timelines::KeyUse* Timelines::key(const std::string& key) const {
  const auto found = keys_.find(key);
  return key.empty() || found == keys_.end() ? nullptr : &found->second;
}

Decision Timelines::decide(const crash::Write& write, uint64_t tag, uint64_t point,
                           Draft& draft) const {
  using crash::Kind;
  const auto drafted = draft.find(write.instance_id);
  const Timeline* timeline = find(write.instance_id);
  const Version* now = drafted != draft.end() ? &drafted->second
                       : timeline != nullptr  ? timeline->at(point)
                                              : nullptr;
  const uint64_t machine_at = registered_at(write.machine);
  const bool machine_known = machine_at != 0 && machine_at <= point;
  if (write.kind == Kind::kPut) return {machine_known ? "MACHINE_VERSION_EXISTS" : ""};
  if (write.kind == Kind::kRemove) {
    if (now == nullptr) return {"INSTANCE_NOT_FOUND"};
    Version gone = *now;
    gone.deleted = true;
    draft[write.instance_id] = gone;
    return {""};
  }
  if (write.kind == Kind::kApply && (now == nullptr || now->deleted)) return {"INSTANCE_NOT_FOUND"};
  const KeyUse* use = key(write.key);
  if (use != nullptr && use->offset <= point) {
    if (use->tag != tag) return {"CONFLICT", "IDEMPOTENCY_MISMATCH"};
    return {"", {}, {}, use->offset};
  }
  if (write.kind == Kind::kCreate) {
    if (!machine_known) return {"MACHINE_NOT_FOUND"};
    if (now != nullptr) return {"INSTANCE_EXISTS"};
    if (!write.instance_id.empty()) {
      const crash::Members context = members_of(write.body);
      draft[write.instance_id] = {.state = crash::kInitialState,
                                  .n = context.number("n"),
                                  .bytes = write.body.size(),
                                  .bytes_besides = bytes_besides(context)};
    }
    return {""};
  }
  const Decision decision = decide_event(write, *now);
  if (!decision.code.empty()) return decision;
  const crash::Members payload = members_of(write.body);
  Version after = *now;
  after.state = *crash::next_state(now->state, write.event, now->n);
  after.offset = UINT64_MAX;  // not known while the batch is decided
  if (const auto n = payload.number("n")) after.n = n;
  const size_t besides = bytes_besides(payload);
  after.bytes = write.body.size() + (besides == 0 ? now->bytes_besides : 0);
  if (besides > 0) after.bytes_besides = besides;
  draft[write.instance_id] = after;
  return {""};
}

Decision Timelines::decide_event(const crash::Write& write, const Version& now) const {
  if (write.expected_state && *write.expected_state != now.state)
    return {"CONFLICT", {}, now.state};
  if (write.expected_offset && *write.expected_offset != now.offset)
    return {"CONFLICT", {}, {}, now.offset};
  if (!has_transition(now.state, write.event)) return {"INVALID_TRANSITION", {}, now.state};
  if (!crash::next_state(now.state, write.event, now.n)) return {"GUARD_FAILED", {}, now.state};
  return {""};
}

void Timelines::add_points(const crash::Write& write, uint64_t from, uint64_t to,
                           std::vector<uint64_t>& points) const {
  const auto add = [&](uint64_t offset) {
    if (offset > from && offset <= to) points.push_back(offset);
  };
  add(registered_at(write.machine));
  if (const KeyUse* use = key(write.key)) add(use->offset);
  const Timeline* timeline = find(write.instance_id);
  if (timeline == nullptr) return;
  auto version = std::ranges::upper_bound(timeline->versions, from, {}, &Version::offset);
  for (; version != timeline->versions.end() && version->offset <= to; ++version)
    points.push_back(version->offset);
}

}  // namespace rstmdb::sim
