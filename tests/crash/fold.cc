#include "crash/fold.h"

#include <algorithm>

namespace rstmdb::crash {
namespace {

constexpr std::string_view kKindNames[] = {"put_machine", "create_instance", "apply_event",
                                           "delete_instance"};

std::string shown(const FoldedInstance& instance) {
  return instance.machine + " " + instance.state + " at " + std::to_string(instance.last_offset) +
         " created " + std::to_string(instance.created_at) + " updated " +
         std::to_string(instance.updated_at) + " " + instance.context.text();
}

std::string shown(const InstanceRead& read) {
  if (!read.found) return "not found";
  return read.machine + " " + read.state + " at " + std::to_string(read.last_offset) + " created " +
         std::to_string(read.created_at) + " updated " + std::to_string(read.updated_at) + " " +
         read.context;
}

}  // namespace

std::string name_of(const LogRecord& record) {
  return "record " + std::to_string(record.offset) + " (" +
         std::string(kKindNames[static_cast<size_t>(record.kind)]) + " " +
         (record.kind == Kind::kPut ? record.machine : record.instance_id) + ", tag " +
         std::to_string(record.tag) + ")";
}

void Fold::apply(const LogRecord& record, const Write* write) {
  if (record.kind == Kind::kPut) {
    verdict_.check(Rule::kDecisionsRight, machines_.insert(record.machine).second,
                   [&] { return name_of(record) + " registers a machine a second time"; });
    return;
  }
  touched_.insert(record.instance_id);
  if (record.kind == Kind::kCreate) return create(record);
  const auto found = instances_.find(record.instance_id);
  const bool alive = found != instances_.end() && !found->second.deleted;
  verdict_.check(Rule::kDecisionsRight, alive,
                 [&] { return name_of(record) + " is of an instance that does not exist"; });
  if (!alive) return;
  if (record.kind == Kind::kApply) apply_event(record, write);
  if (record.kind == Kind::kRemove) found->second.deleted = true;
  found->second.last_offset = record.offset;
  found->second.offsets.push_back(record.offset);
  found->second.updated_at = record.ts;
}

void Fold::create(const LogRecord& record) {
  verdict_.check(Rule::kDecisionsRight, machines_.contains(record.machine),
                 [&] { return name_of(record) + " is of a machine that does not exist"; });
  verdict_.check(Rule::kDecisionsRight, !instances_.contains(record.instance_id),
                 [&] { return name_of(record) + " takes an id that was taken"; });
  verdict_.check(Rule::kStateIsFold, record.to_state == kInitialState,
                 [&] { return name_of(record) + " starts in " + record.to_state; });
  json::Document context;
  FoldedInstance instance;
  if (context.parse(record.context).ok()) instance.context = Members(context.root());
  instance.machine = record.machine;
  instance.state = record.to_state;
  instance.last_offset = record.offset;
  instance.offsets.push_back(record.offset);
  instance.created_at = instance.updated_at = record.ts;
  instances_[record.instance_id] = std::move(instance);
}

void Fold::apply_event(const LogRecord& record, const Write* write) {
  FoldedInstance& instance = instances_.at(record.instance_id);
  if (write != nullptr) check_expectations(record, *write, instance);
  const auto target = next_state(instance.state, record.event, instance.context.number("n"));
  verdict_.check(Rule::kDecisionsRight, target && *target == record.to_state, [&] {
    return name_of(record) + ": " + record.event + " leads from " + instance.state + " to " +
           std::string(target.value_or("nowhere")) + ", not to " + record.to_state + ", with " +
           instance.context.text();
  });
  verdict_.check(Rule::kStateIsFold, record.from_state == instance.state, [&] {
    return name_of(record) + " starts in " + record.from_state + ", the log in " + instance.state;
  });
  json::Document payload;
  if (payload.parse(record.body).ok()) instance.context.merge(payload.root());
  instance.state = record.to_state;
  verdict_.check(Rule::kStateIsFold, record.context == instance.context.text(), [&] {
    return name_of(record) + " has context " + record.context + ", the log makes it " +
           instance.context.text();
  });
}

void Fold::check_expectations(const LogRecord& record, const Write& write,
                              const FoldedInstance& instance) const {
  if (write.expected_state) {
    verdict_.check(Rule::kDecisionsRight, *write.expected_state == instance.state, [&] {
      return name_of(record) + " expected state " + *write.expected_state + " but was in " +
             instance.state;
    });
  }
  if (write.expected_offset) {
    verdict_.check(Rule::kDecisionsRight, *write.expected_offset == instance.last_offset, [&] {
      return name_of(record) + " expected offset " + std::to_string(*write.expected_offset) +
             " but was at " + std::to_string(instance.last_offset);
    });
  }
}

void Fold::compare(const InstanceRead& read) const {
  const auto found = instances_.find(read.instance_id);
  if (found == instances_.end() || found->second.deleted) {
    verdict_.check(Rule::kStateIsFold, !read.found, [&] {
      return "instance " + read.instance_id + " is not in the log, the server shows " + shown(read);
    });
    return;
  }
  const FoldedInstance& folded = found->second;
  const bool same = read.found && read.machine == folded.machine && read.state == folded.state &&
                    read.last_offset == folded.last_offset &&
                    read.created_at == folded.created_at && read.updated_at == folded.updated_at &&
                    read.context == folded.context.text();
  verdict_.check(Rule::kStateIsFold, same, [&] {
    return "instance " + read.instance_id + ": the server shows " + shown(read) +
           ", the log makes it " + shown(folded);
  });
}

void Fold::compare(const HistoryRead& read) const {
  const auto found = instances_.find(read.instance_id);
  if (found == instances_.end()) {
    verdict_.check(Rule::kHistoryKept, !read.found, [&] {
      return "instance " + read.instance_id + " is not in the log, the server shows a history";
    });
    return;
  }
  std::vector<uint64_t> expected = found->second.offsets;
  const bool complete = expected.front() >= read.horizon;
  std::erase_if(expected, [&](uint64_t offset) { return offset < read.horizon; });
  std::ranges::reverse(expected);
  const bool has_more = expected.size() > read.offsets.size();
  if (has_more) expected.resize(read.offsets.size());
  // A page may be a short one, but never an empty one.
  const bool same = read.found && read.offsets == expected && read.has_more == has_more &&
                    read.complete == (complete && !has_more) &&
                    (!read.offsets.empty() || !read.has_more);
  verdict_.check(Rule::kHistoryKept, same, [&] {
    std::string facts = "instance " + read.instance_id + ": its history";
    for (const uint64_t offset : read.offsets) facts += " " + std::to_string(offset);
    facts += read.has_more ? " and more" : read.complete ? " is complete" : " is not complete";
    facts += ", the log from " + std::to_string(read.horizon) + " makes it";
    for (const uint64_t offset : expected) facts += " " + std::to_string(offset);
    return facts;
  });
}

bool Fold::alive(const std::string& id) const {
  const auto found = instances_.find(id);
  return found != instances_.end() && !found->second.deleted;
}

std::vector<std::string> Fold::take_touched() {
  std::vector<std::string> touched(touched_.begin(), touched_.end());
  touched_.clear();
  return touched;
}

}  // namespace rstmdb::crash
