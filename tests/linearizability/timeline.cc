#include "linearizability/timeline.h"

#include <algorithm>
#include <string>

#include "base/hash.h"

namespace rstmdb::lin {
namespace {

const Instance kNothing;

std::string name_of(const Logged& record) {
  return "record " + std::to_string(record.offset) + " (tag " + std::to_string(record.tag) +
         ", instance " + std::to_string(record.instance) + ")";
}

bool is_of(const Logged& record, const Act& act) {
  if (record.instance != act.instance) return false;
  switch (record.change) {
    case Change::kPut:
      return false;
    case Change::kCreate:
      return act.verb == Verb::kCreate && record.n == act.n;
    case Change::kApply:
      return act.verb == Verb::kApply && record.event == act.event && record.n == act.n;
    case Change::kRemove:
      return act.verb == Verb::kRemove;
  }
  return false;
}

}  // namespace

Timeline::Timeline(const History& history, Findings& findings)
    : history_(history), findings_(findings) {
  note_attempts();
  for (auto& sums : lists_) sums.push_back({0, {}});
  uint64_t expected = 0;
  int64_t last_ts = 0;
  for (const Logged& record : history.records) {
    findings.check(Rule::kOffsetsDense, record.offset == ++expected && record.ts >= last_ts, [&] {
      return name_of(record) + " stands where " + std::to_string(expected) + " is due, at " +
             std::to_string(record.ts) + " after " + std::to_string(last_ts);
    });
    last_ts = record.ts;
    take(record);
  }
}

void Timeline::note_attempts() {
  for (uint32_t i = 0; i < history_.operations.size(); ++i) {
    const Operation& operation = history_.operations[i];
    for (uint32_t k = 0; k < operation.acts.size(); ++k) {
      const Act& act = operation.acts[k];
      if (act.verb == Verb::kRead) continue;
      if (act.tag >= tags_.size()) tags_.resize(act.tag + 1);
      tags_[act.tag].attempts.push_back({i, k});
    }
  }
}

void Timeline::take(const Logged& record) {
  if (record.change == Change::kPut) return;
  check_source(record);
  const Instance before = at(record.instance, record.offset - 1);
  const Instance after = fold(before, record);
  if (const Tagged* tagged = find(record.tag)) {
    const auto [operation, act] = tagged->attempts.front();
    const Act& asked = history_.operations[operation].acts[act];
    Act plain = asked;
    plain.answer = {};
    const Outcome outcome = decide(before, plain, record.offset, nullptr);
    const bool from = record.change != Change::kApply || record.from == before.state;
    findings_.check(Rule::kLogIsFold, outcome.effect && outcome.after == after && from, [&] {
      return name_of(record) + " is not what the model makes of the log before it";
    });
  }
  add_version(record, before, after);
}

void Timeline::check_source(const Logged& record) {
  const Tagged* known = find(record.tag);
  const bool sent =
      known != nullptr &&
      is_of(
          record,
          history_.operations[known->attempts.front().operation].acts[known->attempts.front().act]);
  findings_.check(Rule::kPhantom, sent, [&] { return name_of(record) + " was never sent so"; });
  if (known == nullptr) return;
  findings_.check(Rule::kDuplicateApply, known->offset == 0, [&] {
    return name_of(record) + " had its effect at " + std::to_string(known->offset) + " already";
  });
  if (known->offset == 0) tags_[record.tag].offset = record.offset;
}

void Timeline::add_version(const Logged& record, const Instance& before, const Instance& after) {
  auto& sums = lists_[record.instance % kMachines];
  ListSum sum{record.offset, sums.back().sums};
  const auto change = [&](const Instance& instance, uint64_t sign) {
    if (instance.life != Life::kAlive || instance.state < 0) return;
    const uint64_t row = sign * row_sum({record.instance, instance.state, instance.offset});
    sum.sums[0] += row;
    sum.sums[1 + static_cast<size_t>(instance.state)] += row;
  };
  change(before, ~uint64_t{0});
  change(after, 1);
  // Nobody sees an atomic batch from inside.
  if (whole(sums.back().offset) >= record.offset) sums.pop_back();
  sum.offset = whole(record.offset);
  sums.push_back(sum);
  versions_[record.instance].push_back({record.offset, after});
}

uint64_t Timeline::row_sum(const Row& row) {
  const uint64_t numbers[] = {row.instance, static_cast<uint64_t>(row.state), row.offset};
  return hash64({reinterpret_cast<const char*>(numbers), sizeof numbers});
}

const Instance& Timeline::at(uint32_t instance, uint64_t offset) const {
  const auto found = versions_.find(instance);
  if (found == versions_.end()) return kNothing;
  const auto behind = std::ranges::upper_bound(found->second, offset, {}, &Version::offset);
  return behind == found->second.begin() ? kNothing : std::prev(behind)->instance;
}

uint64_t Timeline::next_change(uint32_t instance, uint64_t offset) const {
  const auto found = versions_.find(instance);
  if (found == versions_.end()) return 0;
  const auto behind = std::ranges::upper_bound(found->second, offset, {}, &Version::offset);
  return behind == found->second.end() ? 0 : behind->offset;
}

uint64_t Timeline::previous_change(uint32_t instance, uint64_t offset) const {
  const auto found = versions_.find(instance);
  if (found == versions_.end()) return 0;
  const auto at = std::ranges::lower_bound(found->second, offset, {}, &Version::offset);
  return at == found->second.begin() ? 0 : std::prev(at)->offset;
}

uint64_t Timeline::whole(uint64_t offset) const {
  if (offset == 0 || offset > end()) return offset;
  const Logged& record = history_.records[offset - 1];
  if (record.batch_index + 1 >= record.batch_size) return offset;
  return offset + record.batch_size - record.batch_index - 1;
}

const Tagged* Timeline::find(uint64_t tag) const {
  if (tag >= tags_.size() || tags_[tag].attempts.empty()) return nullptr;
  return &tags_[tag];
}

Answer Timeline::first_answer(const Tagged& tagged) const {
  const Logged& record = history_.records[tagged.offset - 1];
  Answer answer{.applied = true, .offset = record.offset, .from = record.from, .to = record.to};
  if (record.change == Change::kApply) answer.seen = record.seen;
  return answer;
}

}  // namespace rstmdb::lin
