#include "workload.h"

#include <algorithm>
#include <array>

#include "crash/model.h"

namespace rstmdb::sim {
namespace {

constexpr size_t kMachinesMax = 6;
constexpr size_t kAnsweredKept = 64;
constexpr uint64_t kBatchMax = 12;
constexpr size_t kPagesKept = 16;
constexpr uint64_t kOftenCompacted = 2'000;  // records

constexpr std::string_view kOperations[] = {"PUT_MACHINE", "CREATE_INSTANCE", "APPLY_EVENT",
                                            "DELETE_INSTANCE"};

void write_names(json::Writer& writer, std::string_view name,
                 const std::vector<std::string>& names) {
  if (names.empty()) return;
  writer.key(name).open_array();
  for (const std::string& each : names) writer.value(each);
  writer.close_array();
}

}  // namespace

AskId Workload::next() {
  if (machines_.empty()) return machine();
  if (!answered_.empty() && dice_.below(100) < swarm_.repeats) {
    const AskId again = dice_.pick(answered_);
    return dice_.percent(20) ? misuse_key(again) : again;
  }
  const std::array<uint32_t, 13> weights{
      swarm_.machines,  swarm_.creates, swarm_.applies,    swarm_.removals, swarm_.batches,
      swarm_.gets,      swarm_.lists,   swarm_.lists,      swarm_.lists,    swarm_.histories,
      swarm_.log_reads, swarm_.watches, swarm_.compactions};
  uint64_t sum = 0;
  for (const uint32_t weight : weights) sum += weight;
  uint64_t drawn = dice_.below(sum);
  size_t chosen = 0;
  while (drawn >= weights[chosen]) drawn -= weights[chosen++];
  if (instances_.size() < swarm_.instances && dice_.percent(30)) chosen = 1;
  const bool needs_instance = (chosen > 1 && chosen < 6) || chosen == 9 || chosen == 12;
  if (instances_.empty() && needs_instance) chosen = 1;
  switch (chosen) {
    case 0:
      return machine();
    case 1:
      return alone(create());
    case 2:
      return alone(apply());
    case 3:
      return alone(remove());
    case 4:
      return batch();
    case 5:
      return get();
    case 6:
      return list();
    case 7:
      return machines();
    case 8:
      return count();
    case 9:
      return history();
    case 10:
      return read_log();
    case 11:
      return watch(draw_watch());
    default:
      return compact();
  }
}

/// A large state is worth a snapshot once a quarter of the log is new: the clients ask for no more
/// of them than a log of any length can bear.
AskId Workload::compact() {
  const uint64_t end = oracle_.last_offset();
  if (end > kOftenCompacted && end < compacted_at_ + compacted_at_ / 4) return get();
  compacted_at_ = end;
  return oracle_.add({.kind = Ask::Kind::kCompact,
                      .op = "COMPACT",
                      .params = dice_.percent(50) ? R"({"force_snapshot":true})" : "{}"});
}

/// The key of an event that was answered, with another body; or the same again, where there is
/// none. (Which keys a creation shares depends on who has chosen its id.)
AskId Workload::misuse_key(AskId answered) {
  const Ask& ask = oracle_.ask(answered);
  crash::Write write = oracle_.write(ask.tags.front());
  if (write.key.empty() || write.kind != crash::Kind::kApply) return answered;
  write.body = body();
  return alone(std::move(write));
}

/// A new machine, or (when there are enough) one that exists with another definition.
AskId Workload::machine() {
  crash::Write write{.kind = crash::Kind::kPut};
  write.machine = machines_.size() < kMachinesMax ? "m" + std::to_string(oracle_.next_tag())
                                                  : dice_.pick(machines_);
  write.body = crash::definition_text(oracle_.next_tag());
  return alone(std::move(write));
}

AskId Workload::alone(crash::Write write) {
  Ask ask{.kind = Ask::Kind::kWrites, .op = kOperations[static_cast<size_t>(write.kind)]};
  ask.params = crash::params_of(write);
  ask.instance_id = write.instance_id;
  ask.tags = {oracle_.add(std::move(write))};
  return oracle_.add(std::move(ask));
}

AskId Workload::batch() {
  Ask ask{.kind = Ask::Kind::kWrites, .op = "BATCH", .params = ""};
  ask.form = dice_.percent(50) ? crash::Form::kAtomic : crash::Form::kBestEffort;
  const uint64_t size = dice_.between(1, kBatchMax);
  json::Writer writer(ask.params);
  writer.open_object().member("mode", ask.form == crash::Form::kAtomic ? "atomic" : "best_effort");
  writer.key("ops").open_array();
  while (ask.tags.size() < size) {
    crash::Write write = any_write();
    writer.open_object()
        .member("op", kOperations[static_cast<size_t>(write.kind)])
        .member("params", json::RawJson{crash::params_of(write)})
        .close_object();
    ask.tags.push_back(oracle_.add(std::move(write)));
  }
  writer.close_array().close_object();
  return oracle_.add(std::move(ask));
}

crash::Write Workload::any_write() {
  const uint64_t drawn = dice_.below(100);
  if (instances_.empty() || drawn < 15) return create();
  return drawn < 18 && swarm_.removals > 0 ? remove() : apply();
}

crash::Write Workload::create() {
  crash::Write write{.kind = crash::Kind::kCreate};
  write.machine = dice_.percent(2) ? "nobody" : dice_.pick(machines_);
  write.body = body();
  if (dice_.percent(swarm_.key_percent)) write.key = "k" + std::to_string(oracle_.next_tag());
  const uint64_t drawn = dice_.below(100);
  if (drawn < 20) return write;
  if (drawn < 25 && !instances_.empty()) {
    write.instance_id = choose();
    return write;
  }
  write.instance_id = "i" + std::to_string(oracle_.next_tag());
  instances_.push_back(write.instance_id);
  beliefs_[write.instance_id] = {std::string(crash::kInitialState), 0};
  return write;
}

crash::Write Workload::apply() {
  crash::Write write{.kind = crash::Kind::kApply};
  write.instance_id = dice_.percent(1) ? "nobody" : choose();
  write.body = body();
  write.event = dice_.percent(80) ? crash::kEvents[0] : dice_.pick(crash::kEvents);
  if (dice_.percent(swarm_.key_percent)) write.key = "k" + std::to_string(oracle_.next_tag());
  const auto belief = beliefs_.find(write.instance_id);
  if (belief == beliefs_.end()) return write;
  if (dice_.percent(swarm_.expect_percent)) write.expected_state = belief->second.state;
  if (dice_.percent(swarm_.expect_percent) && belief->second.offset > 0)
    write.expected_offset = belief->second.offset;
  return write;
}

/// Each instance is removed by one request alone, so that its record tells which.
crash::Write Workload::remove() {
  const std::string id = choose();
  if (!removing_.emplace(id, true).second) return apply();
  crash::Write write{.kind = crash::Kind::kRemove};
  write.instance_id = id;
  return write;
}

AskId Workload::get() {
  Ask ask{.kind = Ask::Kind::kGet, .op = "GET_INSTANCE", .params = ""};
  ask.instance_id = choose();
  json::Writer(ask.params).open_object().member("instance_id", ask.instance_id).close_object();
  return oracle_.add(std::move(ask));
}

AskId Workload::list() {
  Ask ask{.kind = Ask::Kind::kList, .op = "LIST_INSTANCES", .params = ""};
  if (dice_.percent(40)) ask.list.machine = dice_.pick(machines_);
  if (dice_.percent(40)) ask.list.state = dice_.pick(crash::kStates);
  ask.list.limit = dice_.percent(70) ? 1'000 : dice_.between(1, 20);
  json::Writer writer(ask.params);
  writer.open_object().member("limit", ask.list.limit);
  if (!ask.list.machine.empty()) writer.member("machine", ask.list.machine);
  if (!ask.list.state.empty()) writer.member("state", ask.list.state);
  writer.close_object();
  return oracle_.add(std::move(ask));
}

AskId Workload::machines() {
  Ask ask{.kind = Ask::Kind::kMachines, .op = "LIST_MACHINES", .params = ""};
  json::Writer writer(ask.params);
  writer.open_object();
  if (dice_.percent(20)) {
    ask.list.machine = dice_.percent(10) ? "nobody" : dice_.pick(machines_);
    writer.member("machine", ask.list.machine);
  } else {
    ask.limit = dice_.percent(50) ? 1'000 : dice_.between(1, 4);
    ask.from = dice_.percent(50) ? 0 : dice_.below(kMachinesMax + 2);
    writer.member("limit", ask.limit).member("offset", ask.from);
  }
  writer.close_object();
  return oracle_.add(std::move(ask));
}

AskId Workload::count() {
  Ask ask{.kind = Ask::Kind::kCount, .op = "COUNT_INSTANCES", .params = ""};
  ask.list.machine = dice_.percent(3) ? "nobody" : dice_.pick(machines_);
  json::Writer writer(ask.params);
  writer.open_object().member("machine", ask.list.machine);
  if (dice_.percent(50)) writer.member("version", 1);
  writer.close_object();
  return oracle_.add(std::move(ask));
}

AskId Workload::history() {
  Ask ask{.kind = Ask::Kind::kHistory, .op = "GET_HISTORY", .params = ""};
  ask.instance_id = dice_.percent(2) ? "nobody" : choose();
  ask.history.limit = dice_.percent(30) ? 1'000 : dice_.between(1, 12);
  ask.history.with_context = dice_.percent(50);
  if (!pages_.empty() && dice_.percent(60)) {
    ask.instance_id = pages_.front().instance_id;
    ask.history.before = pages_.front().before;
    pages_.pop_front();
  } else if (dice_.percent(20)) {
    ask.history.before = 1 + dice_.below(oracle_.last_offset() + 2);
  }
  json::Writer writer(ask.params);
  writer.open_object()
      .member("instance_id", ask.instance_id)
      .member("limit", ask.history.limit)
      .member("include_ctx", ask.history.with_context);
  if (ask.history.before > 0) writer.member("before_offset", ask.history.before);
  writer.close_object();
  return oracle_.add(std::move(ask));
}

AskId Workload::read_log() {
  Ask ask{.kind = Ask::Kind::kLogRead, .op = "WAL_READ", .params = ""};
  const uint64_t end = oracle_.last_offset();
  ask.from = dice_.percent(20) ? dice_.below(end + 2) : end - std::min(end, dice_.below(50));
  ask.limit = dice_.between(1, 40);
  json::Writer(ask.params)
      .open_object()
      .member("from_offset", ask.from)
      .member("limit", ask.limit)
      .close_object();
  return oracle_.add(std::move(ask));
}

WatchWish Workload::draw_watch() {
  WatchWish wish;
  if (dice_.percent(25) && !instances_.empty()) {
    wish.instance_id = choose();
  } else {
    if (dice_.percent(25) && !machines_.empty()) wish.machines = {dice_.pick(machines_)};
    if (dice_.percent(25)) wish.events = {std::string(dice_.pick(crash::kEvents)), "none"};
    if (dice_.percent(20)) wish.from_states = {std::string(dice_.pick(crash::kStates))};
    if (dice_.percent(20)) wish.to_states = {std::string(dice_.pick(crash::kStates))};
  }
  for (const std::string_view kind : {"transition", "create", "delete"})
    if (dice_.percent(30)) wish.kinds.emplace_back(kind);
  wish.with_context = dice_.percent(60);
  wish.resumes = dice_.percent(30);
  if (wish.resumes) wish.after_offset = dice_.below(oracle_.last_offset() + 1);
  return wish;
}

AskId Workload::watch(WatchWish wish) {
  Ask ask{.kind = Ask::Kind::kWatch, .params = ""};
  ask.op = wish.instance_id.empty() ? "WATCH_ALL" : "WATCH_INSTANCE";
  json::Writer writer(ask.params);
  writer.open_object();
  if (!wish.instance_id.empty()) writer.member("instance_id", wish.instance_id);
  write_names(writer, "machines", wish.machines);
  write_names(writer, "events", wish.events);
  write_names(writer, "from_states", wish.from_states);
  write_names(writer, "to_states", wish.to_states);
  write_names(writer, "kinds", wish.kinds);
  if (!wish.with_context) writer.member("include_ctx", false);
  if (wish.resumes && wish.after_offset % 2 == 0) {
    writer.member("from_offset", wish.after_offset + 1);
  } else if (wish.resumes) {
    writer.member("after_offset", wish.after_offset);
  }
  writer.close_object();
  ask.watch = std::move(wish);
  return oracle_.add(std::move(ask));
}

/// An object with the tag first, a number for the guards, and padding.
std::string Workload::body() {
  std::string out;
  json::Writer writer(out);
  writer.open_object().member("t", oracle_.next_tag()).member("n", dice_.below(100));
  if (dice_.percent(20)) {
    writer.key("deep").open_object().member("v", dice_.below(1'000)).close_object();
  }
  const uint64_t size = dice_.percent(90) ? dice_.below(30) : dice_.below(swarm_.padding_max);
  writer.member("pad", std::string(size, 'p')).close_object();
  return out;
}

const std::string& Workload::choose() { return dice_.pick(instances_); }

void Workload::heard(AskId id, json::Value response) {
  const Ask& ask = oracle_.ask(id);
  const uint64_t more = crash::number_of(response["result"], "next_before_offset", 0);
  if (more > 0) pages_.push_back({ask.instance_id, more});
  if (pages_.size() > kPagesKept) pages_.pop_front();
  if (ask.tags.empty()) return;
  const json::Value results = response["result"]["results"];
  if (!results) {
    for (const uint64_t tag : ask.tags) believe(tag, response);
  } else {
    size_t place = 0;
    for (json::Value each = results.first(); each && place < ask.tags.size(); each = each.next())
      believe(ask.tags[place++], each);
  }
  if (!response["result"] || !oracle_.repeatable(id)) return;
  answered_.push_back(id);
  if (answered_.size() > kAnsweredKept) answered_.pop_front();
}

void Workload::believe(uint64_t tag, json::Value response) {
  const crash::Write& write = oracle_.write(tag);
  const crash::WriteAnswer answer = crash::read_write_answer(response);
  if (answer.error == "INSTANCE_NOT_FOUND") return forget(write.instance_id);
  if (!answer.error.empty()) return;
  if (write.kind == crash::Kind::kPut) {
    if (std::ranges::find(machines_, write.machine) == machines_.end())
      machines_.push_back(write.machine);
    return;
  }
  if (write.kind == crash::Kind::kRemove) return forget(write.instance_id);
  const std::string& id =
      write.kind == crash::Kind::kCreate ? answer.instance_id : write.instance_id;
  if (!beliefs_.contains(id)) instances_.push_back(id);
  beliefs_[id] = {answer.to_state, answer.offset};
}

void Workload::forget(const std::string& id) {
  std::erase(instances_, id);
  beliefs_.erase(id);
}

void Workload::restarted() {
  std::erase_if(instances_, [&](const std::string& id) { return !oracle_.fold().alive(id); });
  for (const std::string& id : instances_) {
    const crash::FoldedInstance& folded = oracle_.fold().instances().at(id);
    beliefs_[id] = {folded.state, folded.last_offset};
  }
  std::erase_if(answered_, [&](AskId id) { return !oracle_.took_effect(id); });
}

}  // namespace rstmdb::sim
