// What the log says: records as they are read after a restart, and what became of each request.
#include <algorithm>

#include "base/hash.h"
#include "crash/checker.h"
#include "crash/facts.h"

namespace rstmdb::crash {

void Checker::log_ends_at(uint64_t offset) {
  verdict_.check(Rule::kPrefixKept, offset >= last_offset(), [&] {
    return "the log ends at " + std::to_string(offset) + ", it had been read up to " +
           std::to_string(last_offset());
  });
}

void Checker::read(const LogRecord& record) {
  verdict_.check(Rule::kOffsetsDense, record.offset == last_offset() + 1, [&] {
    return name_of(record) + " follows offset " + std::to_string(last_offset());
  });
  verdict_.check(Rule::kTimeForward, record.ts >= last_ts_, [&] {
    return name_of(record) + " is of " + std::to_string(record.ts) + ", the one before of " +
           std::to_string(last_ts_);
  });
  last_ts_ = std::max(last_ts_, record.ts);
  ++counts_.records;
  marks_.push_back(
      {record.hash, hash64(record.instance_id), view_of(record.to_state, record.context)});
  Entry* entry = find_entry(record);
  verdict_.check(Rule::kNoPhantom, entry != nullptr,
                 [&] { return name_of(record) + " stems from no write that was sent"; });
  fold_.apply(record, entry == nullptr ? nullptr : &entry->write);
  if (entry == nullptr) return;
  verdict_.check(Rule::kNoDuplicate, entry->found_offset == 0, [&] {
    return name_of(record) + " repeats what is at " + std::to_string(entry->found_offset) + ": " +
           described(*entry);
  });
  if (entry->found_offset != 0) return;
  check_source(record, *entry);
  if (entry->status == Status::kUnsent) return;  // it has no place that could be checked
  check_answer(record, *entry);
  check_order(record, *entry);
  check_batch(record, *entry);
  entry->found_offset = record.offset;
  if (entry->status == Status::kOpen) entry->facts = facts_of(record);
  if (entry->write.instance_id.empty()) entry->write.instance_id = record.instance_id;
}

void Checker::read_again(const LogRecord& record) {
  const bool same = record.offset >= 1 && record.offset <= marks_.size() &&
                    marks_[record.offset - 1].hash == record.hash;
  verdict_.check(Rule::kPrefixKept, same,
                 [&] { return name_of(record) + " reads otherwise than before"; });
}

Checker::Entry* Checker::find_entry(const LogRecord& record) {
  if (record.kind == Kind::kRemove) {
    const auto removal = removals_.find(record.instance_id);
    return removal == removals_.end() ? nullptr : &entry(removal->second);
  }
  if (record.tag == 0 || record.tag > entries_.size()) return nullptr;
  return &entry(record.tag);
}

void Checker::check_source(const LogRecord& record, Entry& entry) {
  const Write& write = entry.write;
  const bool as_sent = write.kind == record.kind && write.machine == record.machine &&
                       write.event == record.event && write.key == record.key &&
                       (write.instance_id.empty() || write.instance_id == record.instance_id) &&
                       (write.kind == Kind::kPut || write.body == record.body);
  verdict_.check(Rule::kNoPhantom, as_sent, [&] {
    return name_of(record) + " is not as it was sent: " + described(entry) + ", body " +
           record.body + " instead of " + write.body + ", key " + record.key;
  });
  const bool possible = entry.status != Status::kUnsent && entry.status != Status::kAbsent;
  verdict_.check(Rule::kNoPhantom, possible, [&] {
    return name_of(record) +
           (entry.status == Status::kUnsent
                ? " was never sent: "
                : " appears although a restart had found the log without it: ") +
           described(entry);
  });
}

void Checker::check_answer(const LogRecord& record, const Entry& entry) {
  verdict_.check(Rule::kRefusedAbsent, entry.status != Status::kRefused,
                 [&] { return name_of(record) + " was refused: " + described(entry); });
  if (entry.status != Status::kDone) return;
  const bool at_its_place = entry.write.kind == Kind::kPut || entry.answer_offset == record.offset;
  verdict_.check(Rule::kNoLostAck, at_its_place && entry.facts == facts_of(record), [&] {
    return name_of(record) + " was acknowledged otherwise, at " +
           std::to_string(entry.answer_offset) + ": " + described(entry) + "; record " +
           record.from_state + " " + record.to_state + " " + record.context;
  });
}

void Checker::check_order(const LogRecord& record, const Entry& entry) {
  verdict_.check(Rule::kOrderKept, record.offset > entry.known_offset, [&] {
    return name_of(record) + " stands before " + std::to_string(entry.known_offset) +
           ", which was acknowledged before it was sent: " + described(entry);
  });
  if (entry.write.kind == Kind::kPut) return;
  uint64_t& last = last_order_[{entry.connection, record.instance_id}];
  verdict_.check(Rule::kOrderKept, entry.order > last, [&] {
    return name_of(record) + " was sent before the one that it follows: " + described(entry);
  });
  last = entry.order;
}

void Checker::check_batch(const LogRecord& record, const Entry& entry) {
  const Request& request = requests_[entry.request];
  const size_t size = request.tags.size();
  const bool whole_unit = request.form == Form::kAtomic && size > 1;
  const uint64_t tag = static_cast<uint64_t>(&entry - entries_.data()) + 1;
  const bool in_step =
      whole_unit && entry.place > 0 ? pending_batch_tag_ == tag : pending_batch_tag_ == 0;
  const bool numbered = whole_unit ? record.batch_size == size && record.batch_index == entry.place
                                   : record.batch_size == 0;
  verdict_.check(Rule::kBatchWhole, in_step && numbered, [&] {
    return name_of(record) + " has place " + std::to_string(record.batch_index) + " of " +
           std::to_string(record.batch_size) + ", the log waited for tag " +
           std::to_string(pending_batch_tag_) + ": " + described(entry);
  });
  pending_batch_tag_ = whole_unit && entry.place + 1 < size ? request.tags[entry.place + 1] : 0;
}

void Checker::settle() {
  verdict_.check(Rule::kBatchWhole, pending_batch_tag_ == 0, [&] {
    return "the log ends inside a batch, before " + described(entry(pending_batch_tag_));
  });
  pending_batch_tag_ = 0;
  repeatable_.clear();
  std::ranges::sort(open_);
  const auto doubled = std::ranges::unique(open_);
  open_.erase(doubled.begin(), doubled.end());
  for (const RequestId request : open_) settle_request(request);
  open_.clear();
  settle_sightings();
}

void Checker::settle_request(RequestId id) {
  const Request& request = requests_[id];
  const bool unanswered = std::ranges::any_of(
      request.tags, [&](uint64_t tag) { return entry(tag).status == Status::kOpen; });
  for (const uint64_t tag : request.tags) settle_entry(entry(tag));
  if (request.form == Form::kAtomic) settle_batch(request);
  if (unanswered && repeatable(id)) repeatable_.push_back(id);
}

void Checker::settle_entry(Entry& entry) {
  const bool found = entry.found_offset != 0;
  switch (entry.status) {
    case Status::kDone:
      verdict_.check(Rule::kNoLostAck, found, [&] {
        return described(entry) + " was acknowledged at " + std::to_string(entry.answer_offset) +
               " and is not in the log";
      });
      return;
    case Status::kOpen:
      ++(found ? counts_.unknown_found : counts_.unknown_absent);
      entry.status = found ? Status::kDone : Status::kAbsent;
      entry.answer_offset = entry.found_offset;
      return;
    case Status::kRefused:
      verdict_.check(Rule::kRefusedAbsent, !found,
                     [&] { return described(entry) + " was refused and is in the log"; });
      return;
    case Status::kUnsent:
    case Status::kAbsent:
      return;
  }
}

void Checker::settle_batch(const Request& request) {
  const auto found = std::ranges::count_if(
      request.tags, [&](uint64_t tag) { return entry(tag).found_offset != 0; });
  const bool whole = found == 0 || found == std::ssize(request.tags);
  verdict_.check(Rule::kBatchWhole, whole, [&] {
    return std::to_string(found) + " writes of an atomic batch of " +
           std::to_string(request.tags.size()) + " are in the log, first " +
           described(entry(request.tags.front()));
  });
}

bool Checker::repeatable(RequestId request) const {
  return std::ranges::all_of(requests_[request].tags, [&](uint64_t tag) {
    const Write& write = entry(tag).write;
    return write.kind == Kind::kPut || !write.key.empty();
  });
}

void Checker::settle_sightings() {
  for (const Sighting& sighting : sightings_) {
    const bool kept = sighting.offset >= 1 && sighting.offset <= marks_.size() &&
                      marks_[sighting.offset - 1].instance == hash64(sighting.instance_id) &&
                      marks_[sighting.offset - 1].view == sighting.view;
    verdict_.check(Rule::kReadsDurable, kept, [&] {
      return "a read of " + sighting.instance_id + " showed what is not at offset " +
             std::to_string(sighting.offset) + " of the log";
    });
  }
  sightings_.clear();
}

}  // namespace rstmdb::crash
