#include "linearizability/wrong_walks.h"

#include <algorithm>
#include <vector>

#include "linearizability/places.h"

namespace rstmdb::lin {
namespace {

using crash::Dice;

/// The history of an instance that has been read from the newest on, with so many events on its
/// first page.
Operation* some_walk(History& history, Dice& dice, size_t events, size_t pages = 1) {
  return some(history.operations, dice, [&](const Operation& operation) {
    return operation.ask == Ask::kHistory && operation.pages.size() >= pages &&
           operation.pages.front().before == 0 && operation.pages.front().events.size() >= events;
  });
}

bool history_gap(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 3);
  if (walk == nullptr) return false;
  std::vector<Logged>& events = walk->pages.front().events;
  events.erase(events.begin() + 1);
  return true;
}

/// The record between two pages is on neither of them.
bool history_seam(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [](const Operation& operation) {
    return operation.ask == Ask::kHistory && operation.pages.size() > 1 &&
           operation.pages[1].events.size() > 1;
  });
  if (walk == nullptr) return false;
  std::vector<Logged>& events = walk->pages[1].events;
  events.erase(events.begin());
  return true;
}

/// Each page asks for what is before one offset less.
bool history_skips(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 1, 2);
  if (walk == nullptr || walk->pages[1].events.empty()) return false;
  walk->pages[1].before = walk->pages[1].events.front().offset;
  walk->pages[1].events.erase(walk->pages[1].events.begin());
  return true;
}

bool history_repeat(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 1, 2);
  if (walk == nullptr) return false;
  std::vector<Logged>& events = walk->pages[1].events;
  events.insert(events.begin(), walk->pages.front().events.back());
  return true;
}

bool history_oldest_first(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 3);
  if (walk == nullptr) return false;
  std::ranges::reverse(walk->pages.front().events);
  return true;
}

bool history_wrong_context(History& history, Dice& dice) {
  Logged* wrong = nullptr;
  const Operation* walk = some(history.operations, dice, [&](Operation& operation) {
    if (operation.ask != Ask::kHistory || !operation.context || operation.pages.empty())
      return false;
    for (Logged& event : operation.pages.front().events) {
      if (event.change != Change::kRemove) wrong = &event;
    }
    return wrong != nullptr;
  });
  if (walk == nullptr) return false;
  ++wrong->seen.n;
  return true;
}

bool history_of_another(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 1);
  if (walk == nullptr) return false;
  std::vector<Logged>& events = walk->pages.front().events;
  const Logged& event = events.front();
  const Logged* other = some(history.records, dice, [&](const Logged& record) {
    return record.instance != event.instance && record.change == Change::kApply &&
           record.offset < event.offset;
  });
  if (other == nullptr) return false;
  const uint32_t instance = event.instance;
  events.back() = *other;
  events.back().instance = instance;
  return true;
}

bool history_ends_early(History& history, Dice& dice) {
  Operation* walk = some_walk(history, dice, 1, 2);
  if (walk == nullptr) return false;
  walk->pages.resize(1);
  walk->pages.front().next_before = 0;
  return true;
}

bool history_says_whole(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [](const Operation& operation) {
    return operation.ask == Ask::kHistory && !operation.pages.empty() &&
           !operation.pages.back().events.empty() && !operation.pages.back().complete &&
           operation.pages.back().next_before == 0;
  });
  if (walk == nullptr) return false;
  walk->pages.back().complete = true;
  return true;
}

bool history_says_cut(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [](const Operation& operation) {
    return operation.ask == Ask::kHistory && !operation.pages.empty() &&
           operation.pages.back().complete && operation.pages.back().before == 0;
  });
  if (walk == nullptr) return false;
  walk->pages.back().complete = false;
  return true;
}

/// Whether the server has not died between the two.
bool in_one_life(const History& history, const Operation& before, const Operation& after) {
  return std::ranges::none_of(
      history.deaths, [&](int64_t death) { return before.ended < death && death < after.invoked; });
}

bool history_comes_back(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [&](const Operation& operation) {
    return operation.ask == Ask::kHistory && !operation.pages.empty() &&
           operation.pages.front().horizon > 1 &&
           std::ranges::any_of(history.operations, [&](const Operation& other) {
             return other.ask == Ask::kHistory && !other.pages.empty() &&
                    other.ended < operation.invoked && in_one_life(history, other, operation) &&
                    other.pages.back().horizon == operation.pages.front().horizon;
           });
  });
  if (walk == nullptr) return false;
  --walk->pages.front().horizon;
  return true;
}

/// It does not show what had been acknowledged before it was asked for.
bool history_stale(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [&](const Operation& operation) {
    if (operation.ask != Ask::kHistory || operation.pages.empty()) return false;
    const HistoryPage& page = operation.pages.front();
    if (page.before != 0 || page.events.size() < 2) return false;
    const Logged& newest = page.events.front();
    const Operation* writer = writer_of(history, newest.offset);
    return writer != nullptr && writer->ended < operation.invoked && newest.batch_size == 0 &&
           page.events[1].batch_size == 0;
  });
  if (walk == nullptr) return false;
  walk->pages.front().events.erase(walk->pages.front().events.begin());
  return true;
}

bool history_missing(History& history, Dice& dice) {
  Operation* walk = some(history.operations, dice, [&](const Operation& operation) {
    if (operation.ask != Ask::kHistory || operation.pages.empty()) return false;
    return std::ranges::any_of(history.operations, [&](const Operation& other) {
      return succeeded(other, Verb::kRead) && other.ended < operation.invoked &&
             other.acts.front().instance == operation.acts.front().instance;
    });
  });
  if (walk == nullptr) return false;
  walk->pages.clear();
  walk->acts.front().answer.refusal = Refusal::kNotFound;
  return true;
}

bool unexpected_error(History& history, Dice& dice) {
  const Operation& near = dice.pick(history.operations);
  history.surprises.push_back({.client = near.client,
                               .at = near.ended,
                               .asked = "GET_HISTORY {}",
                               .answer = R"({"error":{"code":"WAL_IO_ERROR"}})"});
  return true;
}

constexpr Mistake kMistakes[] = {
    {"history_gap", Rule::kHistoryGap, false, history_gap},
    {"history_seam", Rule::kHistoryGap, false, history_seam},
    {"history_skips", Rule::kHistoryGap, false, history_skips},
    {"history_repeat", Rule::kHistoryRepeat, false, history_repeat},
    {"history_oldest_first", Rule::kHistoryRepeat, false, history_oldest_first},
    {"history_wrong_context", Rule::kHistoryRight, false, history_wrong_context},
    {"history_of_another", Rule::kHistoryRight, false, history_of_another},
    {"history_ends_early", Rule::kHistoryEnd, false, history_ends_early},
    {"history_says_whole", Rule::kHistoryEnd, false, history_says_whole},
    {"history_says_cut", Rule::kHistoryEnd, false, history_says_cut},
    {"history_comes_back", Rule::kHistoryHorizon, false, history_comes_back},
    {"history_stale", Rule::kStaleRead, true, history_stale},
    {"history_missing", Rule::kStaleRead, true, history_missing},
    {"unexpected_error", Rule::kUnexpectedError, false, unexpected_error},
};

}  // namespace

std::span<const Mistake> wrong_walks() { return kMistakes; }

}  // namespace rstmdb::lin
