// What was sent and what the log holds of it. Answers are judged in oracle_answers.cc and
// oracle_reads.cc, notifications in oracle_streams.cc.
#include "oracle.h"

#include <algorithm>

#include "crash/facts.h"

namespace rstmdb::sim {
namespace {

/// Whether the code says for certain that nothing was written.
bool is_definite(std::string_view code) {
  return code != "WAL_IO_ERROR" && code != "INTERNAL_ERROR";
}

/// The highest offset that an answer shows.
uint64_t shown_offset(json::Value result) {
  uint64_t shown = 0;
  for (const std::string_view name : {"wal_offset", "last_wal_offset", "current_wal_offset"})
    shown = std::max(shown, crash::number_of(result, name, 0));
  for (const std::string_view list : {"results", "instances", "records", "events"}) {
    const json::Value items = result[list];
    if (!items.is_array()) continue;
    for (json::Value item = items.first(); item; item = item.next()) {
      for (const std::string_view name : {"offset", "last_wal_offset", "wal_offset"})
        shown = std::max(shown, crash::number_of(item, name, 0));
      shown = std::max(shown, crash::number_of(item["result"], "wal_offset", 0));
    }
  }
  return shown;
}

}  // namespace

uint64_t Oracle::add(crash::Write write) {
  const uint64_t tag = next_tag();
  if (write.kind == crash::Kind::kRemove) removals_.emplace(write.instance_id, tag);
  entries_.emplace_back().write = std::move(write);
  return tag;
}

AskId Oracle::add(Ask ask) {
  const AskId id = asks_.size();
  for (size_t place = 0; place < ask.tags.size(); ++place) {
    entry(ask.tags[place]).ask = id;
    entry(ask.tags[place]).place = place;
  }
  asks_.push_back(std::move(ask));
  return id;
}

bool Oracle::repeatable(AskId id) const {
  const Ask& asked = asks_[id];
  return !asked.tags.empty() && std::ranges::all_of(asked.tags, [&](uint64_t tag) {
    const crash::Write& write = this->write(tag);
    return write.kind == crash::Kind::kPut || write.kind == crash::Kind::kRemove ||
           !write.key.empty();
  });
}

bool Oracle::took_effect(AskId id) const {
  return std::ranges::all_of(asks_[id].tags,
                             [&](uint64_t tag) { return entries_[tag - 1].found != 0; });
}

Sending Oracle::sent(AskId id, uint32_t connection, const Standing& standing) {
  ++counts_.sent;
  Sending sending{.ask = id,
                  .connection = connection,
                  .known = frontier_,
                  .standing = standing,
                  .horizon = horizon_};
  const Ask& asked = asks_[id];
  if (asked.kind == Ask::Kind::kGet || asked.kind == Ask::Kind::kHistory) {
    const auto before = last_sent_.find({connection, asked.instance_id});
    if (before != last_sent_.end()) sending.before = before->second;
  }
  // What may not be done is not on its way: its record would be a phantom.
  if (!allowed(sending)) return sending;
  for (const uint64_t tag : asked.tags) {
    Entry& entry = this->entry(tag);
    if (std::ranges::find(entry.actors, standing.name) == entry.actors.end())
      entry.actors.push_back(standing.name);
    if (entry.found == 0 && entry.open == 0 && !entry.accepted) entry.known = frontier_;
    if (entry.open == 0) open_.push_back(tag);
    ++entry.sends;
    ++entry.open;
    entry.refused = false;
    entry.order = ++sends_;
    entry.connection = connection;
    if (!entry.write.instance_id.empty()) last_sent_[{connection, entry.write.instance_id}] = tag;
  }
  return sending;
}

void Oracle::heard(const Sending& sending, json::Value response, std::string_view payload,
                   uint64_t end) {
  ++counts_.answered;
  const Ask& asked = asks_[sending.ask];
  if (!asked.tags.empty() && allowed(sending)) {
    const auto answers = crash::read_answers(response, asked.tags.size());
    for (size_t i = 0; i < std::min(answers.size(), asked.tags.size()); ++i) {
      const bool accepted = answers[i].error.empty();
      if (!accepted) ++counts_.refused;
      close_sending(asked.tags[i], is_definite(answers[i].error), accepted);
    }
  }
  frontier_ = std::max(frontier_, shown_offset(response["result"]));
  horizon_ = std::max(horizon_, crash::number_of(response["result"], "horizon", 0));
  waiting_.push_back({.what = Judgement::What::kAnswer,
                      .sending = sending,
                      .end = std::max(end, frontier_),
                      .excuses = excuses_,
                      .payload = std::string(payload)});
  findings_.check(Rule::kNothingLost, end >= frontier_, [&] {
    return "an answer shows offset " + std::to_string(frontier_) + ", the log is committed up to " +
           std::to_string(end) + ": " + std::string(payload.substr(0, 500));
  });
}

void Oracle::close_sending(uint64_t tag, bool definite, bool accepted) {
  Entry& entry = this->entry(tag);
  if (!definite) return;  // whatever becomes of it
  if (entry.open > 0) --entry.open;
  if (accepted) entry.accepted = true;
  if (!accepted && entry.open == 0 && !entry.accepted) entry.refused = true;
}

Oracle::Entry* Oracle::find_entry(const crash::LogRecord& record) {
  if (record.kind == crash::Kind::kRemove) {
    const auto removal = removals_.find(record.instance_id);
    return removal == removals_.end() ? nullptr : &entry(removal->second);
  }
  return record.tag == 0 || record.tag > entries_.size() ? nullptr : &entry(record.tag);
}

void Oracle::read(crash::LogRecord record) {
  findings_.check(
      Rule::kLogDense, record.offset == last_offset() + 1 && record.ts >= last_ts_, [&] {
        return crash::name_of(record) + " of " + std::to_string(record.ts) + " follows " +
               std::to_string(last_offset()) + " of " + std::to_string(last_ts_);
      });
  last_ts_ = std::max(last_ts_, record.ts);
  Entry* entry = find_entry(record);
  findings_.check(Rule::kNoPhantom, entry != nullptr,
                  [&] { return crash::name_of(record) + " stems from no write that was sent"; });
  fold_.apply(record, entry == nullptr ? nullptr : &entry->write);
  timelines_.add(record, fold_);
  if (entry != nullptr) check_record(record, *entry);
  records_.push_back(std::move(record));
}

void Oracle::check_record(const crash::LogRecord& record, Entry& entry) {
  const uint64_t tag = asks_[entry.ask].tags[entry.place];
  findings_.check(Rule::kOnce, entry.found == 0, [&] {
    return crash::name_of(record) + " repeats what is at " + std::to_string(entry.found) + ": " +
           described(tag);
  });
  if (entry.found != 0) return;
  const crash::Write& write = entry.write;
  const bool as_sent = write.kind == record.kind && write.event == record.event &&
                       write.key == record.key &&
                       std::ranges::find(entry.actors, record.actor) != entry.actors.end() &&
                       (write.machine.empty() || write.machine == record.machine) &&
                       (write.instance_id.empty() || write.instance_id == record.instance_id) &&
                       (write.kind == crash::Kind::kPut || write.body == record.body);
  findings_.check(Rule::kNoPhantom, as_sent && entry.sends > 0 && !entry.refused, [&] {
    return crash::name_of(record) +
           (entry.refused ? " was refused: " : " is not as it was sent: ") + described(tag) +
           ", body " + record.body + " key " + record.key;
  });
  findings_.check(Rule::kNoPhantom, entry.open > 0 || entry.accepted, [&] {
    return crash::name_of(record) +
           " appears although a restart found the log without it: " + described(tag);
  });
  findings_.check(Rule::kOrder, record.offset > entry.known, [&] {
    return crash::name_of(record) + " stands before " + std::to_string(entry.known) +
           ", which was known before it was sent: " + described(tag);
  });
  entry.found = record.offset;
  entry.facts = crash::facts_of(record);
  if (entry.sends == 1 && write.kind != crash::Kind::kPut) {
    uint64_t& last = last_order_[{entry.connection, record.instance_id}];
    findings_.check(Rule::kOrder, entry.order > last, [&] {
      return crash::name_of(record) + " was sent before the one that it follows: " + described(tag);
    });
    last = entry.order;
  }
  check_batch(record, entry);
  if (entry.write.instance_id.empty()) entry.write.instance_id = record.instance_id;
}

void Oracle::check_batch(const crash::LogRecord& record, const Entry& entry) {
  const Ask& asked = asks_[entry.ask];
  const size_t size = asked.tags.size();
  const bool whole_unit = asked.form == crash::Form::kAtomic;
  const uint64_t tag = asked.tags[entry.place];
  const bool in_step =
      whole_unit && entry.place > 0 ? pending_batch_tag_ == tag : pending_batch_tag_ == 0;
  const bool numbered = whole_unit && size > 1
                            ? record.batch_size == size && record.batch_index == entry.place
                            : record.batch_size == 0;
  findings_.check(Rule::kBatchWhole, in_step && numbered, [&] {
    return crash::name_of(record) + " has place " + std::to_string(record.batch_index) + " of " +
           std::to_string(record.batch_size) + ", the log waited for tag " +
           std::to_string(pending_batch_tag_) + ": " + described(tag);
  });
  pending_batch_tag_ = whole_unit && entry.place + 1 < size ? asked.tags[entry.place + 1] : 0;
}

void Oracle::restarted() {
  findings_.check(Rule::kBatchWhole, pending_batch_tag_ == 0, [&] {
    return "the log ends inside a batch, before " + described(pending_batch_tag_);
  });
  findings_.check(Rule::kNothingLost, excuses_.lax || frontier_ <= last_offset(), [&] {
    return "offset " + std::to_string(frontier_) + " was shown to somebody, the log ends at " +
           std::to_string(last_offset());
  });
  judge();
  // What was being trimmed is back where the files had not gone yet.
  horizon_ = 0;
  if (!excuses_.lax) {
    findings_.check(Rule::kNothingLost, waiting_.empty(), [&] {
      return std::to_string(waiting_.size()) + " answers show more than the log holds";
    });
  }
  counts_.lost += waiting_.size();
  waiting_.clear();
  for (const uint64_t tag : open_) {
    Entry& entry = this->entry(tag);
    if (entry.open > 0) ++(entry.found != 0 ? counts_.unknown_found : counts_.unknown_absent);
    entry.open = 0;
    if (entry.found == 0) entry.accepted = false;
  }
  open_.clear();
  last_sent_.clear();
  for (Stream& stream : streams_) stream.open = false;
  frontier_ = std::min(frontier_, last_offset());
}

std::string Oracle::described(uint64_t tag) const {
  static constexpr std::string_view kOperations[] = {"PUT_MACHINE", "CREATE_INSTANCE",
                                                     "APPLY_EVENT", "DELETE_INSTANCE"};
  const Entry& entry = entries_[tag - 1];
  return std::string(kOperations[static_cast<size_t>(entry.write.kind)]) + " tag " +
         std::to_string(tag) + " on " +
         (entry.write.instance_id.empty() ? entry.write.machine : entry.write.instance_id) +
         " sent " + std::to_string(entry.sends) + " times, last on connection " +
         std::to_string(entry.connection) + ", with key '" + entry.write.key + "', found at " +
         std::to_string(entry.found);
}

}  // namespace rstmdb::sim
