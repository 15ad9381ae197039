#include "linearizability/plan.h"

#include <algorithm>

#include "crash/model.h"

namespace rstmdb::lin {
namespace {

constexpr size_t kAliveMin = 24;
constexpr size_t kHot = 4;  // instances that a third of everything is about
constexpr size_t kRepeatedKept = 64;
constexpr uint64_t kBatchMax = 8;
constexpr size_t kGoneKept = 16;
constexpr uint32_t kHistoryLimits[] = {1, 2, 7, 25, 100};

/// Whether sending it twice is safe: each of its writes has a key.
bool repeatable(const Operation& operation) {
  return operation.ask == Ask::kActs &&
         std::ranges::all_of(operation.acts, [](const Act& act) { return act.keyed; });
}

Operation as_asked(const Operation& operation) {
  Operation asked{.ask = operation.ask, .form = operation.form, .acts = operation.acts};
  for (Act& act : asked.acts) act.answer = {};
  return asked;
}

}  // namespace

Operation Plan::next(uint32_t client) {
  if (!unknown_.empty() && dice_.percent(40)) {
    Operation operation = std::move(unknown_.front());
    unknown_.pop_front();
    return operation;
  }
  if (!repeated_.empty() && dice_.percent(2)) return dice_.pick(repeated_);
  if (dice_.percent(3)) return list(client);
  if (dice_.below(1'000) < histories_per_mille_) return history();
  Operation operation;
  if (dice_.percent(5)) {
    operation = batch(client);
  } else if (dice_.percent(20) && !alive_.empty()) {
    operation.acts.push_back({.verb = Verb::kRead, .instance = choose()});
  } else {
    operation.acts.push_back(write(client));
  }
  if (repeatable(operation)) {
    repeated_.push_back(operation);
    if (repeated_.size() > kRepeatedKept) repeated_.pop_front();
  }
  return operation;
}

Operation Plan::list(uint32_t client) {
  Operation operation{.ask = dice_.percent(20) ? Ask::kPages : Ask::kList};
  operation.machine = (client + static_cast<uint32_t>(dice_.below(kMachines))) % kMachines;
  if (operation.ask == Ask::kList && dice_.percent(40)) {
    operation.state = static_cast<int8_t>(dice_.below(std::size(crash::kStates)));
  }
  return operation;
}

/// Of one that is alive as a rule; now and then of one that was removed, or that nobody has made
/// yet, or from somewhere in the middle.
Operation Plan::history() {
  Operation operation{.ask = Ask::kHistory};
  uint32_t instance = last_instance_ + 1 + static_cast<uint32_t>(dice_.below(2));
  if (dice_.percent(90) && !alive_.empty()) instance = choose();
  if (dice_.percent(20) && !gone_.empty()) instance = dice_.pick(gone_);
  operation.acts.push_back({.verb = Verb::kRead, .instance = instance});
  operation.limit = dice_.pick(kHistoryLimits);
  operation.context = dice_.percent(70);
  operation.pages.resize(1);
  if (last_offset_ != 0 && dice_.percent(15))
    operation.pages.front().before = dice_.between(1, last_offset_);
  return operation;
}

Operation Plan::batch(uint32_t client) {
  Operation operation{.form = dice_.percent(60) ? Form::kAtomic : Form::kBestEffort};
  const uint64_t size = dice_.between(1, kBatchMax);
  const bool keyed = dice_.percent(40);
  while (operation.acts.size() < size) {
    Act act = write(client);
    act.keyed = act.keyed || keyed;
    // Most atomic batches are to go through.
    if (operation.form == Form::kAtomic && dice_.percent(85)) {
      act.event = 0;
      act.expected_state = kNoState;
      act.expected_offset = 0;
    }
    operation.acts.push_back(act);
  }
  return operation;
}

Act Plan::write(uint32_t client) {
  Act act;
  if (alive_.size() < kAliveMin || dice_.below(400) == 0) {
    act = create();
  } else if (dice_.percent(2)) {
    act = remove();
  } else {
    act = apply();
  }
  act.tag = ++last_tag_;
  act.n = dice_.below(100);
  act.group = static_cast<uint8_t>(client % kGroups);
  act.keyed = act.verb == Verb::kRemove || dice_.percent(12);
  return act;
}

/// Now and then of an id that is taken, or being taken.
Act Plan::create() {
  Act act{.verb = Verb::kCreate};
  const bool taken = last_instance_ > 0 && dice_.percent(10);
  act.instance = taken ? last_instance_ : ++last_instance_;
  if (!taken) alive_.push_back(act.instance);
  return act;
}

Act Plan::apply() {
  Act act{.verb = Verb::kApply, .instance = choose()};
  act.event = static_cast<uint8_t>(dice_.percent(70) ? 0 : dice_.below(std::size(crash::kEvents)));
  const Belief& belief = beliefs_[act.instance];
  if (dice_.percent(12)) act.expected_state = belief.state;
  if (dice_.percent(12)) act.expected_offset = belief.offset;
  return act;
}

Act Plan::remove() {
  Act act{.verb = Verb::kRemove, .instance = choose()};
  return act;
}

uint32_t Plan::choose() {
  if (dice_.percent(33)) return alive_[dice_.below(std::min(alive_.size(), kHot))];
  return dice_.pick(alive_);
}

uint32_t Plan::some_instance() { return alive_.empty() ? 0 : dice_.pick(alive_); }

void Plan::ended(const Operation& operation) {
  if (operation.ask != Ask::kActs) return;
  if (!operation.answered) {
    if (repeatable(operation)) unknown_.push_back(as_asked(operation));
    return;
  }
  if (operation.refused_at == Operation::kWhole) {
    for (const Act& act : operation.acts) believe(act);
  }
}

void Plan::believe(const Act& act) {
  const Answer& answer = act.answer;
  if (answer.refusal == Refusal::kNotFound) return forget(act.instance);
  if (answer.refusal != Refusal::kNone) return;
  last_offset_ = std::max(last_offset_, answer.offset);
  if (act.verb == Verb::kRemove) return forget(act.instance);
  Belief& belief = beliefs_[act.instance];
  if (answer.offset >= belief.offset) belief = {answer.to, answer.offset};
}

void Plan::forget(uint32_t instance) {
  if (std::erase(alive_, instance) != 0) gone_.push_back(instance);
  if (gone_.size() > kGoneKept) gone_.pop_front();
  beliefs_.erase(instance);
}

}  // namespace rstmdb::lin
