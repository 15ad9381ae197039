#include "linearizability/stream_checker.h"

#include <algorithm>
#include <string>

namespace rstmdb::lin {
namespace {

std::string name_of(size_t stream, const Told& told) {
  return "stream " + std::to_string(stream) + ", offset " + std::to_string(told.offset);
}

/// The log as notifications show it: a deletion leads out of a state.
std::vector<Logged> with_origins(const History& history, const Timeline& timeline) {
  std::vector<Logged> records = history.records;
  for (Logged& record : records) {
    if (record.change != Change::kRemove) continue;
    record.from = timeline.at(record.instance, record.offset - 1).state;
  }
  return records;
}

class Check {
 public:
  Check(const History& history, const Timeline& timeline, Findings& findings)
      : history_(history),
        timeline_(timeline),
        findings_(findings),
        records_(with_origins(history, timeline)) {}

  void stream(size_t number);

 private:
  void gap(size_t number, const Filter& filter, uint64_t behind, uint64_t before);
  void told(size_t number, const Stream& stream, const Told& told);
  bool is_right(const Filter& filter, const Told& told, const Logged& record) const;
  int64_t sent_at(uint64_t tag) const;

  const History& history_;
  const Timeline& timeline_;
  Findings& findings_;
  std::vector<Logged> records_;
};

void Check::gap(size_t number, const Filter& filter, uint64_t behind, uint64_t before) {
  for (uint64_t offset = behind + 1; offset < before && offset <= records_.size(); ++offset) {
    if (!passes(filter, records_[offset - 1])) continue;
    findings_.check(Rule::kWatchGap, false, [&] {
      return "stream " + std::to_string(number) + " leaves out " + std::to_string(offset);
    });
    return;
  }
}

bool Check::is_right(const Filter& filter, const Told& told, const Logged& record) const {
  const bool has_context = filter.context && record.change != Change::kRemove;
  const bool applied = record.change == Change::kApply;
  return told.change == record.change && told.instance == record.instance &&
         told.from == record.from && told.to == record.to &&
         (!applied || (told.event == record.event && told.tag == record.tag)) &&
         told.seen == (has_context ? record.seen : Seen());
}

int64_t Check::sent_at(uint64_t tag) const {
  const Tagged* tagged = timeline_.find(tag);
  if (tagged == nullptr) return 0;
  int64_t first = INT64_MAX;
  for (const Tagged::Attempt& attempt : tagged->attempts) {
    first = std::min(first, history_.operations[attempt.operation].invoked);
  }
  return first;
}

void Check::told(size_t number, const Stream& stream, const Told& told) {
  const bool logged = told.offset != 0 && told.offset <= records_.size();
  findings_.check(
      Rule::kWatchEarly, logged && told.at >= sent_at(records_[told.offset - 1].tag), [&] {
        return name_of(number, told) +
               (logged ? " was told before it was asked for" : " was told and is not in the log");
      });
  if (!logged) return;
  const Logged& record = records_[told.offset - 1];
  const bool wanted = passes(stream.filter, record);
  findings_.check(Rule::kWatchFilter, wanted,
                  [&] { return name_of(number, told) + " does not pass the filter"; });
  if (!wanted) return;
  findings_.check(Rule::kWatchRight, is_right(stream.filter, told, record),
                  [&] { return name_of(number, told) + " is not what the log says"; });
}

void Check::stream(size_t number) {
  const Stream& stream = history_.streams[number];
  if (stream.filter.instance != 0 && !stream.asked_offset) {
    const Instance& then = timeline_.at(stream.filter.instance, stream.behind);
    findings_.check(Rule::kWatchSeam, then.offset == stream.behind && then.state == stream.state,
                    [&] {
                      return "stream " + std::to_string(number) +
                             " begins with a state that was not that of offset " +
                             std::to_string(stream.behind);
                    });
  }
  uint64_t position = stream.behind;
  for (const Told& told : stream.told) {
    findings_.check(Rule::kWatchRepeat, told.offset > position, [&] {
      return name_of(number, told) + " comes after " + std::to_string(position);
    });
    this->told(number, stream, told);
    if (told.offset <= position) continue;
    gap(number, stream.filter, position, told.offset);
    position = told.offset;
  }
  gap(number, stream.filter, position, stream.whole_up_to + 1);
  findings_.check(Rule::kWatchGap, true, [] { return std::string(); });
}

}  // namespace

void check_streams(const History& history, const Timeline& timeline, Findings& findings) {
  Check check(history, timeline, findings);
  for (size_t i = 0; i < history.streams.size(); ++i) check.stream(i);
}

}  // namespace rstmdb::lin
