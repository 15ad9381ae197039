#include "linearizability/made_history.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "crash/dice.h"
#include "linearizability/model.h"
#include "linearizability/plan.h"

namespace rstmdb::lin {
namespace {

constexpr uint32_t kClients = 16;
constexpr size_t kSession = 1'500;  // operations between two deaths
constexpr int64_t kStepMax = 50;

/// The state that acts meet, and what they make of it.
struct World {
  std::map<uint32_t, Instance> instances;
  std::unordered_map<uint64_t, Answer> keys;
  std::vector<Logged> records;

  void carry_out(Act& act, int64_t at);
};

void World::carry_out(Act& act, int64_t at) {
  Instance& instance = instances[act.instance];
  const auto known = act.keyed ? keys.find(act.tag) : keys.end();
  const Outcome outcome =
      decide(instance, act, records.size() + 1, known == keys.end() ? nullptr : &known->second);
  act.answer = outcome.answer;
  if (act.verb != Verb::kApply) act.answer.applied = false;
  if (!outcome.effect) return;
  if (act.keyed) keys.emplace(act.tag, outcome.answer);
  Logged record{.instance = act.instance, .offset = records.size() + 1, .tag = act.tag};
  record.change = act.verb == Verb::kCreate  ? Change::kCreate
                  : act.verb == Verb::kApply ? Change::kApply
                                             : Change::kRemove;
  record.ts = at;
  if (record.change != Change::kRemove) {
    record.event = act.verb == Verb::kApply ? act.event : uint8_t{3};
    record.n = act.n;
    record.from = act.answer.from;
    record.to = outcome.after.state;
    record.seen = outcome.after.seen;
  }
  records.push_back(record);
  instance = outcome.after;
}

class Maker {
 public:
  explicit Maker(uint64_t seed) : dice_(seed), plan_(seed + 1) {}
  History make(size_t operations);

 private:
  struct Client {
    std::optional<Operation> operation = {};
    int64_t acts_at = 0;
    int64_t ends_at = 0;
    bool acted = false;
  };

  void begin(uint32_t number);
  void act(Operation& operation);
  void act_atomically(Operation& operation);
  void list(Operation& operation);
  void read_back(Operation& operation);
  HistoryPage page(const Operation& operation, uint64_t before) const;
  int8_t state_before(uint32_t instance, uint64_t offset) const;
  void end(Client& client);
  void die();
  void watch(const Filter& filter);

  crash::Dice dice_;
  Plan plan_;
  World world_;
  History history_;
  std::vector<Client> clients_ = std::vector<Client>(kClients);
  int64_t now_ = 1'000;
  uint64_t horizon_ = 1;  // the first offset that the log still has
};

void Maker::begin(uint32_t number) {
  Client& client = clients_[number];
  client.operation = plan_.next(number);
  client.operation->client = number;
  client.operation->invoked = ++now_;
  client.acts_at = now_ + static_cast<int64_t>(dice_.between(1, kStepMax));
  client.ends_at = client.acts_at + static_cast<int64_t>(dice_.between(1, kStepMax));
  client.acted = false;
}

void Maker::act(Operation& operation) {
  if (operation.ask == Ask::kHistory) return read_back(operation);
  if (operation.ask != Ask::kActs) return list(operation);
  if (operation.form == Form::kAtomic) return act_atomically(operation);
  for (Act& act : operation.acts) world_.carry_out(act, now_);
}

void Maker::act_atomically(Operation& operation) {
  World copy = world_;
  for (uint32_t i = 0; i < operation.acts.size(); ++i) {
    copy.carry_out(operation.acts[i], now_);
    if (operation.acts[i].answer.refusal == Refusal::kNone) continue;
    operation.refused_at = i;
    for (Act& act : operation.acts) act.answer = operation.acts[i].answer;
    return;
  }
  const size_t first = world_.records.size();
  world_ = std::move(copy);
  const size_t size = world_.records.size() - first;
  for (size_t i = 0; size > 1 && i < size; ++i) {
    world_.records[first + i].batch_index = static_cast<uint32_t>(i);
    world_.records[first + i].batch_size = static_cast<uint32_t>(size);
  }
}

void Maker::list(Operation& operation) {
  for (const auto& [id, instance] : world_.instances) {
    if (id % kMachines != operation.machine || instance.life != Life::kAlive) continue;
    if (operation.state != kNoState && operation.state != instance.state) continue;
    operation.rows.push_back({id, instance.state, instance.offset});
  }
}

/// As the log gives it: of an instance that was made after the horizon it reaches back to that.
HistoryPage Maker::page(const Operation& operation, uint64_t before) const {
  const uint32_t instance = operation.acts.front().instance;
  HistoryPage page{.before = before, .horizon = horizon_};
  const uint64_t end = world_.records.size();
  for (uint64_t at = before == 0 ? end : std::min(before - 1, end); at >= horizon_; --at) {
    const Logged& record = world_.records[at - 1];
    if (record.instance != instance) continue;
    if (page.events.size() == operation.limit) {
      page.next_before = at + 1;
      return page;
    }
    Logged event = record;
    event.n = 0;
    if (!operation.context) event.seen = {};
    if (!operation.context && event.change == Change::kCreate) event.tag = 0;
    if (record.change == Change::kRemove) event.from = state_before(instance, at);
    page.events.push_back(event);
  }
  const auto created = std::ranges::find(world_.records, instance, &Logged::instance);
  page.complete = before != 0 && before <= horizon_ ? horizon_ == 1 : created->offset >= horizon_;
  return page;
}

int8_t Maker::state_before(uint32_t instance, uint64_t offset) const {
  while (world_.records[--offset - 1].instance != instance) {
  }
  return world_.records[offset - 1].to;
}

/// All of its pages at one moment.
void Maker::read_back(Operation& operation) {
  const auto known = world_.instances.find(operation.acts.front().instance);
  if (known == world_.instances.end() || known->second.life == Life::kAbsent) {
    operation.acts.front().answer.refusal = Refusal::kNotFound;
    operation.pages.clear();
    return;
  }
  uint64_t before = operation.pages.front().before;
  operation.pages.clear();
  do {
    operation.pages.push_back(page(operation, before));
    before = operation.pages.back().next_before;
  } while (before != 0);
}

void Maker::end(Client& client) {
  Operation& operation = *client.operation;
  operation.answered = true;
  operation.ended = now_;
  plan_.ended(operation);
  history_.operations.push_back(std::move(operation));
  client.operation.reset();
}

/// Some of what is under way has happened, and some has not. Then a part of the log is lost.
void Maker::die() {
  ++now_;
  history_.deaths.push_back(now_);
  horizon_ = std::max<uint64_t>(horizon_, world_.records.size() / 3);
  for (Client& client : clients_) {
    if (!client.operation) continue;
    Operation operation = std::move(*client.operation);
    client.operation.reset();
    if (operation.ask != Ask::kActs || operation.acts.front().verb == Verb::kRead) continue;
    operation.ended = now_;
    operation.refused_at = Operation::kWhole;
    for (Act& act : operation.acts) act.answer = {};
    plan_.ended(operation);
    history_.operations.push_back(std::move(operation));
  }
  ++now_;
}

/// Told a moment after it happened.
void Maker::watch(const Filter& filter) {
  const size_t whole = history_.records.size();
  Stream stream{.filter = filter, .behind = dice_.below(whole / 4 + 1), .whole_up_to = whole};
  stream.asked_offset = true;
  std::unordered_map<uint32_t, int8_t> states;
  for (const Logged& record : history_.records) {
    Logged shown = record;
    if (record.change == Change::kRemove) shown.from = states[record.instance];
    states[record.instance] = record.to;
    if (record.offset <= stream.behind || !passes(filter, shown)) continue;
    stream.told.push_back({.change = shown.change,
                           .from = shown.from,
                           .to = shown.to,
                           .event = shown.event,
                           .instance = shown.instance,
                           .offset = shown.offset,
                           .tag = shown.tag,
                           .at = shown.ts + 1,
                           .seen = filter.context ? shown.seen : Seen()});
  }
  history_.streams.push_back(std::move(stream));
}

History Maker::make(size_t operations) {
  size_t next_death = kSession;
  while (history_.operations.size() < operations) {
    ++now_;
    for (uint32_t number = 0; number < kClients; ++number) {
      Client& client = clients_[number];
      if (!client.operation) {
        if (dice_.percent(10)) begin(number);
      } else if (!client.acted && now_ >= client.acts_at) {
        client.acted = true;
        act(*client.operation);
      } else if (client.acted && now_ >= client.ends_at) {
        end(client);
      }
    }
    if (history_.operations.size() < next_death) continue;
    die();
    next_death += kSession;
  }
  die();
  history_.records = world_.records;
  watch({.kinds = 0b1110});
  watch({});
  watch({.kinds = 0b0110, .machines = 0b0101, .to_states = 0b011, .context = false});
  return std::move(history_);
}

}  // namespace

History made_history(uint64_t seed, size_t operations) { return Maker(seed).make(operations); }

}  // namespace rstmdb::lin
