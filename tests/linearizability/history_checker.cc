#include "linearizability/history_checker.h"

#include <algorithm>
#include <string>
#include <vector>

namespace rstmdb::lin {
namespace {

class Check {
 public:
  Check(const History& history, const Timeline& timeline, Findings& findings)
      : history_(history), timeline_(timeline), findings_(findings) {}

  void walk(const Operation& operation);
  void horizons(std::vector<const Operation*> walks);

 private:
  void page(const Operation& operation, const HistoryPage& page, uint64_t due);
  bool is_right(const Operation& operation, const Logged& event) const;
  void end(const Operation& operation, const HistoryPage& page, uint64_t due);
  bool may_end(const Operation& operation, const HistoryPage& page, uint64_t due) const;

  const History& history_;
  const Timeline& timeline_;
  Findings& findings_;
};

std::string name_of(const Operation& operation, uint64_t offset) {
  return "the history of instance " + std::to_string(operation.acts.front().instance) +
         " that client " + std::to_string(operation.client) + " asked for at " +
         std::to_string(operation.invoked) + ", offset " + std::to_string(offset);
}

bool Check::is_right(const Operation& operation, const Logged& event) const {
  if (event.offset == 0 || event.offset > history_.records.size()) return false;
  const Logged& record = history_.records[event.offset - 1];
  const bool removed = record.change == Change::kRemove;
  const int8_t from =
      removed ? timeline_.at(record.instance, record.offset - 1).state : record.from;
  const bool shows = operation.context && !removed;
  const bool tagged = shows || record.change != Change::kCreate;
  return event.change == record.change && event.instance == record.instance && event.from == from &&
         event.to == record.to && event.ts == record.ts &&
         (record.change != Change::kApply || event.event == record.event) &&
         (!tagged || event.tag == record.tag) && event.batch_index == record.batch_index &&
         event.batch_size == record.batch_size && event.seen == (shows ? record.seen : Seen());
}

/// Whether a page without another behind it may end here, with `due` the record before it.
bool Check::may_end(const Operation& operation, const HistoryPage& page, uint64_t due) const {
  if (page.complete) return due == 0;
  if (due != 0) return due < page.horizon;
  if (!page.events.empty() || page.horizon == 1) return false;
  // Nothing is there to be shown. What is gone, if anything is, lies before the horizon.
  const uint64_t created = timeline_.next_change(operation.acts.front().instance, 0);
  return page.before != 0 ? page.before <= page.horizon : created != 0 && created < page.horizon;
}

void Check::end(const Operation& operation, const HistoryPage& page, uint64_t due) {
  const bool full = page.events.size() == operation.limit;
  const bool goes_on = full && due != 0 && due >= page.horizon && due < page.next_before &&
                       page.next_before <= page.events.back().offset;
  const bool right = page.next_before != 0 ? goes_on : may_end(operation, page, due);
  const bool bounded = page.events.size() <= operation.limit && page.horizon != 0 &&
                       page.horizon <= history_.records.size() + 1;
  findings_.check(Rule::kHistoryEnd, right && bounded, [&] {
    return name_of(operation, due) + " comes next, and a page of " +
           std::to_string(page.events.size()) + " of " + std::to_string(operation.limit) +
           " ends before it: horizon " + std::to_string(page.horizon) + ", next before " +
           std::to_string(page.next_before) + (page.complete ? ", complete" : ", not complete");
  });
}

/// `due` is the record that the page begins with; where it begins with the newest, it says itself
/// which that is.
void Check::page(const Operation& operation, const HistoryPage& page, uint64_t due) {
  const uint32_t instance = operation.acts.front().instance;
  uint64_t last = page.before == 0 ? UINT64_MAX : page.before;
  if (page.before == 0 && !page.events.empty()) due = page.events.front().offset;
  for (const Logged& event : page.events) {
    findings_.check(Rule::kHistoryRepeat, event.offset < last, [&] {
      return name_of(operation, event.offset) + " comes after " + std::to_string(last);
    });
    findings_.check(Rule::kHistoryGap, event.offset >= due,
                    [&] { return name_of(operation, due) + " is left out"; });
    findings_.check(Rule::kHistoryRight, is_right(operation, event),
                    [&] { return name_of(operation, event.offset) + " is not what the log says"; });
    last = event.offset;
    due = timeline_.previous_change(instance, event.offset);
  }
  end(operation, page, due);
}

void Check::walk(const Operation& operation) {
  const uint32_t instance = operation.acts.front().instance;
  uint64_t horizon = 0;
  const HistoryPage* before = nullptr;
  for (const HistoryPage& page : operation.pages) {
    const uint64_t due = page.before == 0 ? 0 : timeline_.previous_change(instance, page.before);
    this->page(operation, page, due);
    findings_.check(Rule::kHistoryHorizon, page.horizon >= horizon, [&] {
      return name_of(operation, page.horizon) + " is a horizon that has gone back";
    });
    horizon = page.horizon;
    // Where one page ends, the next goes on.
    const bool joins = before == nullptr || before->events.empty() ||
                       due == timeline_.previous_change(instance, before->events.back().offset);
    findings_.check(Rule::kHistoryGap, joins,
                    [&] { return name_of(operation, page.before) + " is no seam of two pages"; });
    before = &page;
  }
}

/// What the log has lost for one it has lost for all that ask later: until the server dies. A
/// segment that it was about to remove then is there again when it starts.
void Check::horizons(std::vector<const Operation*> walks) {
  std::vector<const Operation*> by_end = walks;
  std::ranges::sort(walks, {}, &Operation::invoked);
  std::ranges::sort(by_end, {}, &Operation::ended);
  uint64_t horizon = 0;
  size_t ended = 0;
  auto death = history_.deaths.begin();
  for (const Operation* walk : walks) {
    for (; by_end[ended]->ended < walk->invoked; ++ended) {
      horizon = std::max(horizon, by_end[ended]->pages.back().horizon);
    }
    for (; death != history_.deaths.end() && *death < walk->invoked; ++death) horizon = 0;
    findings_.check(Rule::kHistoryHorizon, walk->pages.front().horizon >= horizon, [&] {
      return name_of(*walk, walk->pages.front().horizon) + " is its horizon, which had come to " +
             std::to_string(horizon);
    });
  }
}

}  // namespace

void check_histories(const History& history, const Timeline& timeline, Findings& findings) {
  Check check(history, timeline, findings);
  std::vector<const Operation*> walks;
  for (const Operation& operation : history.operations) {
    if (operation.ask != Ask::kHistory || operation.pages.empty()) continue;
    walks.push_back(&operation);
    check.walk(operation);
  }
  check.horizons(std::move(walks));
}

}  // namespace rstmdb::lin
