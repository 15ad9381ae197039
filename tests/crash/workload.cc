#include "crash/workload.h"

#include <algorithm>

#include "json/writer.h"

namespace rstmdb::crash {
namespace {

constexpr size_t kOwnInstancesMin = 8;
constexpr size_t kOwnInstancesMax = 24;
constexpr size_t kMachinesKept = 8;
constexpr size_t kAnsweredKept = 256;
constexpr uint64_t kBatchMax = 20;

constexpr std::string_view kOperations[] = {"PUT_MACHINE", "CREATE_INSTANCE", "APPLY_EVENT",
                                            "DELETE_INSTANCE"};

std::string_view operation(const Write& write) {
  return kOperations[static_cast<size_t>(write.kind)];
}

}  // namespace

Workload::Workload(Checker& checker, uint32_t connections, uint64_t seed)
    : checker_(checker), dice_(seed), instances_(connections) {}

void Workload::begin_session() {
  for (auto& ids : instances_) forget_lost(ids);
  const auto repeatable = checker_.take_repeatable();
  to_send_again_.assign(repeatable.begin(), repeatable.end());
  tags_.clear();
}

void Workload::forget_lost(std::vector<std::string>& ids) {
  std::erase_if(ids, [&](const std::string& id) { return !checker_.fold().alive(id); });
  for (const std::string& id : ids) {
    const FoldedInstance& folded = checker_.fold().instances().at(id);
    beliefs_[id] = {folded.state, folded.last_offset};
  }
}

Outgoing Workload::next(uint32_t connection) {
  if (!to_send_again_.empty() && dice_.percent(50)) {
    const Checker::RequestId request = to_send_again_.front();
    to_send_again_.pop_front();
    return again(connection, request);
  }
  if (!answered_.empty() && dice_.percent(3)) return again(connection, dice_.pick(answered_));
  if (!machines_.empty() && dice_.percent(6)) return batch(connection);
  if (!instances_[connection].empty() && dice_.percent(6)) return read(connection);
  return alone(connection);
}

Outgoing Workload::again(uint32_t connection, Checker::RequestId request) {
  const Kept& kept = kept_.at(request);
  checker_.sent_again(connection, request);
  return {request, "", kept.op, kept.params};
}

Outgoing Workload::read(uint32_t connection) {
  Outgoing out{std::nullopt, choose(connection), "GET_INSTANCE", ""};
  json::Writer(out.params).open_object().member("instance_id", out.instance_id).close_object();
  return out;
}

Outgoing Workload::alone(uint32_t connection) {
  const Keys keys = dice_.percent(30) ? Keys::kAll : Keys::kNone;
  const bool registers = machines_.empty() || dice_.below(200) == 0;
  const uint64_t tag = registers ? checker_.add(put()) : add_write(connection, keys, Care::kFree);
  const Write& write = checker_.write(tag);
  Outgoing out{std::nullopt, "", operation(write), params_of(write)};
  out.request = checker_.sent(connection, Form::kAlone, {tag});
  keep(*out.request, out, {tag});
  return out;
}

Outgoing Workload::batch(uint32_t connection) {
  const Form form = dice_.percent(50) ? Form::kAtomic : Form::kBestEffort;
  const Keys keys = dice_.percent(30) ? Keys::kAll : Keys::kSome;
  const Care care = form == Form::kAtomic ? Care::kLikelyAccepted : Care::kFree;
  const uint64_t size = dice_.between(1, kBatchMax);
  Outgoing out{std::nullopt, "", "BATCH", ""};
  json::Writer writer(out.params);
  writer.open_object().member("mode", form == Form::kAtomic ? "atomic" : "best_effort");
  writer.key("ops").open_array();
  std::vector<uint64_t> tags;
  while (tags.size() < size) {
    const uint64_t tag = add_write(connection, keys, care);
    tags.push_back(tag);
    const Write& write = checker_.write(tag);
    writer.open_object()
        .member("op", operation(write))
        .member("params", json::RawJson{params_of(write)})
        .close_object();
  }
  writer.close_array().close_object();
  out.request = checker_.sent(connection, form, tags);
  keep(*out.request, out, tags);
  return out;
}

uint64_t Workload::add_write(uint32_t connection, Keys keys, Care care) {
  const std::vector<std::string>& own = instances_[connection];
  Write write;
  if (own.size() < kOwnInstancesMin || (own.size() < kOwnInstancesMax && dice_.percent(10))) {
    write = create(connection);
  } else if (dice_.percent(5)) {
    write = remove(connection);
  } else {
    write = apply(connection, care);
  }
  const bool keyed = keys == Keys::kAll || (keys == Keys::kSome && dice_.percent(30));
  if (keyed) write.key = "k" + std::to_string(checker_.next_tag());
  return checker_.add(std::move(write));
}

Write Workload::put() {
  Write write{.kind = Kind::kPut};
  write.machine = "m" + std::to_string(checker_.next_tag());
  write.body = definition_text(checker_.next_tag());
  machines_.push_back(write.machine);
  if (machines_.size() > kMachinesKept) machines_.pop_front();
  return write;
}

Write Workload::create(uint32_t connection) {
  Write write{.kind = Kind::kCreate};
  write.machine = dice_.pick(machines_);
  write.body = body();
  if (dice_.percent(25)) return write;
  write.instance_id = "i" + std::to_string(checker_.next_tag());
  instances_[connection].push_back(write.instance_id);
  beliefs_[write.instance_id] = {};
  return write;
}

Write Workload::remove(uint32_t connection) {
  std::vector<std::string>& own = instances_[connection];
  const size_t place = dice_.below(own.size());
  Write write{.kind = Kind::kRemove};
  write.instance_id = own[place];
  if (!removed_.insert(write.instance_id).second) return apply(connection, Care::kFree);
  own.erase(own.begin() + static_cast<std::ptrdiff_t>(place));
  return write;
}

Write Workload::apply(uint32_t connection, Care care) {
  Write write{.kind = Kind::kApply};
  write.instance_id = choose(connection);
  write.body = body();
  const bool careful = care == Care::kLikelyAccepted;
  write.event = dice_.percent(careful ? 99 : 80) ? kEvents[0] : dice_.pick(kEvents);
  const Belief& belief = beliefs_[write.instance_id];
  if (dice_.percent(careful ? 1 : 8)) write.expected_state = belief.state;
  if (dice_.percent(careful ? 1 : 8) && belief.offset > 0) write.expected_offset = belief.offset;
  return write;
}

/// The connection's own instance mostly, one of another connection sometimes.
const std::string& Workload::choose(uint32_t connection) {
  const std::vector<std::string>& other = dice_.pick(instances_);
  if (!other.empty() && dice_.percent(30)) return dice_.pick(other);
  return dice_.pick(instances_[connection]);
}

/// An object with the tag, a number for the guards, a nested object now and then, and padding: most
/// bodies are short, some fill pages.
std::string Workload::body() {
  const uint64_t shape = dice_.below(100);
  const uint64_t padding = shape < 60   ? dice_.below(20)
                           : shape < 98 ? dice_.below(300)
                                        : dice_.below(8'000);
  std::string out;
  json::Writer writer(out);
  writer.open_object().member("t", checker_.next_tag()).member("n", dice_.below(100));
  if (dice_.percent(20)) {
    writer.key("deep").open_object().member("v", dice_.below(1'000)).close_object();
  }
  if (dice_.percent(20)) writer.member("k" + std::to_string(dice_.below(4)), dice_.percent(50));
  writer.member("pad", std::string(padding, static_cast<char>('a' + shape % 26)));
  writer.close_object();
  return out;
}

void Workload::keep(Checker::RequestId request, const Outgoing& outgoing,
                    const std::vector<uint64_t>& tags) {
  tags_.emplace(request, tags);
  if (checker_.repeatable(request)) kept_.emplace(request, Kept{outgoing.op, outgoing.params});
}

void Workload::answered(uint32_t connection, Checker::RequestId request,
                        const std::vector<WriteAnswer>& answers) {
  const auto tags = tags_.find(request);
  if (tags == tags_.end()) return;
  for (size_t i = 0; i < std::min(answers.size(), tags->second.size()); ++i) {
    const WriteAnswer& answer = answers[i];
    const Write& write = checker_.write(tags->second[i]);
    if (!answer.error.empty() || write.kind == Kind::kPut) continue;
    if (write.kind == Kind::kRemove) continue;
    const bool known = beliefs_.contains(write.instance_id);
    if (!known) instances_[connection].push_back(write.instance_id);
    beliefs_[write.instance_id] = {answer.to_state, answer.offset};
  }
  tags_.erase(tags);
  if (!kept_.contains(request)) return;
  const bool accepted =
      std::ranges::all_of(answers, [](const WriteAnswer& answer) { return answer.error.empty(); });
  if (!accepted) {
    kept_.erase(request);
    return;
  }
  answered_.push_back(request);
  if (answered_.size() <= kAnsweredKept) return;
  kept_.erase(answered_.front());
  answered_.pop_front();
}

}  // namespace rstmdb::crash
