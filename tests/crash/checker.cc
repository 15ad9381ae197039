// What clients do: sending and being answered. What the log says to it is in checker_log.cc.
#include "crash/checker.h"

#include <algorithm>

#include "crash/facts.h"

namespace rstmdb::crash {
namespace {

/// Whether the code says for certain that nothing was written.
bool is_definite(std::string_view code) {
  return code != "WAL_IO_ERROR" && code != "INTERNAL_ERROR";
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  for (size_t i = 0; i < kKindCount; ++i) acknowledged[i] += other.acknowledged[i];
  acknowledged_atomic += other.acknowledged_atomic;
  acknowledged_best_effort += other.acknowledged_best_effort;
  refused += other.refused;
  unknown_found += other.unknown_found;
  unknown_absent += other.unknown_absent;
  retried += other.retried;
  retried_found += other.retried_found;
  repeated += other.repeated;
  records += other.records;
  reads += other.reads;
  return *this;
}

uint64_t Checker::add(Write write) {
  const uint64_t tag = next_tag();
  if (write.kind == Kind::kRemove) removals_.emplace(write.instance_id, tag);
  entries_.emplace_back().write = std::move(write);
  return tag;
}

Checker::RequestId Checker::sent(uint32_t connection, Form form,
                                 const std::vector<uint64_t>& tags) {
  const RequestId id = requests_.size();
  requests_.push_back({form, tags});
  for (size_t place = 0; place < tags.size(); ++place) {
    entry(tags[place]).request = id;
    entry(tags[place]).place = place;
  }
  send(connection, id);
  return id;
}

void Checker::sent_again(uint32_t connection, RequestId request) {
  const bool answered = std::ranges::all_of(requests_[request].tags, [&](uint64_t tag) {
    return entry(tag).status == Status::kDone && entry(tag).answered;
  });
  ++(answered ? counts_.repeated : counts_.retried);
  for (const uint64_t tag : requests_[request].tags) {
    if (!answered && entry(tag).status == Status::kDone) ++counts_.retried_found;
  }
  send(connection, request);
}

void Checker::send(uint32_t connection, RequestId request) {
  for (const uint64_t tag : requests_[request].tags) {
    Entry& entry = this->entry(tag);
    // What is done already has its place in the order; sending it again must not move it.
    if (entry.status == Status::kDone) continue;
    entry.status = Status::kOpen;
    entry.connection = connection;
    entry.order = ++sends_;
    entry.known_offset = acknowledged_;
  }
  open_.push_back(request);
}

void Checker::answered(RequestId request, const std::vector<WriteAnswer>& answers) {
  const std::vector<uint64_t>& tags = requests_[request].tags;
  verdict_.check(Rule::kFirstAnswerKept, answers.size() == tags.size(), [&] {
    return std::to_string(answers.size()) + " answers to " + std::to_string(tags.size()) +
           " writes from " + described(entry(tags.front()));
  });
  for (size_t i = 0; i < std::min(answers.size(), tags.size()); ++i) {
    take_answer(entry(tags[i]), answers[i]);
    acknowledged_ = std::max(acknowledged_, answers[i].offset);
  }
}

void Checker::take_answer(Entry& entry, const WriteAnswer& answer) {
  verdict_.check(Rule::kServerComesBack, is_definite(answer.error),
                 [&] { return described(entry) + " was answered with " + answer.error; });
  if (!is_definite(answer.error)) return;
  if (entry.status == Status::kDone) return take_repeat(entry, answer);
  if (answer.error.empty()) return take_success(entry, answer);
  entry.status = Status::kRefused;
  ++counts_.refused;
}

void Checker::take_success(Entry& entry, const WriteAnswer& answer) {
  verdict_.check(Rule::kFirstAnswerKept, answer.applied.value_or(true), [&] {
    return described(entry) + " was answered as repeated, with offset " +
           std::to_string(answer.offset) + ", but has had no effect before";
  });
  if (entry.write.kind == Kind::kCreate) {
    const std::string& asked = entry.write.instance_id;
    verdict_.check(Rule::kNoLostAck, asked.empty() || asked == answer.instance_id, [&] {
      return described(entry) + " was answered with the instance " + answer.instance_id;
    });
    entry.write.instance_id = answer.instance_id;
  }
  entry.status = Status::kDone;
  entry.answered = true;
  entry.answer_offset = answer.offset;
  entry.facts = facts_of(entry.write.kind, answer);
  count_success(entry);
}

void Checker::take_repeat(Entry& entry, const WriteAnswer& answer) {
  if (!answer.error.empty()) {
    // Whether the instance exists is asked before the key, and a removal may have come between.
    const bool explained =
        answer.error == "INSTANCE_NOT_FOUND" && may_have_lost_instance(requests_[entry.request]);
    verdict_.check(Rule::kFirstAnswerKept, explained, [&] {
      return described(entry) + " has taken effect at " + std::to_string(entry.answer_offset) +
             ", its repetition was answered with " + answer.error;
    });
    return;
  }
  const bool same_place = entry.write.kind == Kind::kPut || answer.offset == entry.answer_offset;
  const bool same = same_place && !answer.applied.value_or(false) &&
                    facts_of(entry.write.kind, answer) == entry.facts;
  verdict_.check(Rule::kFirstAnswerKept, same, [&] {
    return described(entry) + " has taken effect at " + std::to_string(entry.answer_offset) +
           ", its repetition was answered with offset " + std::to_string(answer.offset) +
           (answer.applied.value_or(false) ? ", applied again" : "") + " and " +
           answer.instance_id + " " + answer.from_state + " " + answer.to_state + " " +
           answer.context;
  });
  if (!entry.answered) count_success(entry);
  entry.answered = true;
}

void Checker::count_success(const Entry& entry) {
  ++counts_.acknowledged[static_cast<size_t>(entry.write.kind)];
  const Form form = requests_[entry.request].form;
  if (form == Form::kAtomic) ++counts_.acknowledged_atomic;
  if (form == Form::kBestEffort) ++counts_.acknowledged_best_effort;
}

bool Checker::may_have_lost_instance(const Request& request) const {
  return std::ranges::any_of(
      request.tags, [&](uint64_t tag) { return removals_.contains(entry(tag).write.instance_id); });
}

void Checker::saw(const InstanceRead& read) {
  if (!read.found) return;
  ++counts_.reads;
  acknowledged_ = std::max(acknowledged_, read.last_offset);
  sightings_.push_back({read.instance_id, read.last_offset, view_of(read.state, read.context)});
}

std::string Checker::described(const Entry& entry) const {
  static constexpr std::string_view kOperations[] = {"PUT_MACHINE", "CREATE_INSTANCE",
                                                     "APPLY_EVENT", "DELETE_INSTANCE"};
  const size_t tag = static_cast<size_t>(&entry - entries_.data()) + 1;
  std::string name(kOperations[static_cast<size_t>(entry.write.kind)]);
  name += " tag " + std::to_string(tag) + " of connection " + std::to_string(entry.connection);
  name +=
      " on " + (entry.write.instance_id.empty() ? entry.write.machine : entry.write.instance_id);
  if (!entry.write.key.empty()) name += " with key " + entry.write.key;
  const Request& request = requests_[entry.request];
  if (request.form != Form::kAlone) {
    name += request.form == Form::kAtomic ? ", atomic batch, " : ", best-effort batch, ";
    name += std::to_string(entry.place) + " of " + std::to_string(request.tags.size());
  }
  return name;
}

}  // namespace rstmdb::crash
