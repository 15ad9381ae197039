#include "linearizability/wrong_histories.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "linearizability/places.h"
#include "linearizability/wrong_walks.h"

namespace rstmdb::lin {
namespace {

using crash::Dice;

/// The instance's record before `offset`, or null.
const Logged* record_before(const History& history, uint32_t instance, uint64_t offset) {
  for (uint64_t at = offset - 1; at > 0; --at) {
    if (history.records[at - 1].instance == instance) return &history.records[at - 1];
  }
  return nullptr;
}

bool lost_ack(History& history, Dice&) {
  while (!history.records.empty() && writer_of(history, history.records.size()) == nullptr) {
    history.records.pop_back();
  }
  if (history.records.empty()) return false;
  history.records.pop_back();
  for (Stream& stream : history.streams) {
    stream.whole_up_to = history.records.size();
    std::erase_if(stream.told, [&](const Told& told) { return told.offset > stream.whole_up_to; });
  }
  return true;
}

bool stale_read(History& history, Dice& dice) {
  Logged older;
  Operation* read = some(history.operations, dice, [&](const Operation& operation) {
    if (!succeeded(operation, Verb::kRead)) return false;
    const Act& act = operation.acts.front();
    const Operation* writer = writer_of(history, act.answer.offset);
    const Logged* before = record_before(history, act.instance, act.answer.offset);
    if (writer == nullptr || writer->ended >= operation.invoked || before == nullptr) return false;
    older = *before;
    return history.records[act.answer.offset - 1].batch_size == 0 && older.batch_size == 0;
  });
  if (read == nullptr) return false;
  read->acts.front().answer = {.offset = older.offset, .to = older.to, .seen = older.seen};
  return true;
}

bool stale_list(History& history, Dice& dice) {
  const Operation* earlier = nullptr;
  Operation* list = some(history.operations, dice, [&](const Operation& operation) {
    if (operation.ask != Ask::kList || !operation.answered) return false;
    for (const Operation& other : history.operations) {
      const bool same = other.ask == Ask::kList && other.machine == operation.machine &&
                        other.state == operation.state && other.answered;
      if (!same || other.ended + 500 > operation.invoked || other.rows == operation.rows) continue;
      earlier = &other;
      return true;
    }
    return false;
  });
  if (list == nullptr) return false;
  list->rows = earlier->rows;
  return true;
}

bool phantom(History& history, Dice& dice) {
  Logged record = dice.pick(history.records);
  record.change = Change::kApply;
  record.offset = history.records.size() + 1;
  record.tag = 1'000'000'000;
  record.ts = history.records.back().ts;
  record.batch_size = 0;
  history.records.push_back(record);
  return true;
}

bool key_forgotten(History& history, Dice& dice) {
  const Logged* again = some(history.records, dice,
                             [](const Logged& record) { return record.change == Change::kApply; });
  if (again == nullptr) return false;
  Logged record = *again;
  record.offset = history.records.size() + 1;
  record.ts = history.records.back().ts;
  record.batch_size = 0;
  history.records.push_back(record);
  return true;
}

bool applied_twice(History& history, Dice& dice) {
  const auto first = [](const Operation& operation, uint64_t tag) {
    return operation.answered && std::ranges::any_of(operation.acts, [&](const Act& act) {
             return act.tag == tag && act.verb == Verb::kApply && act.answer.applied;
           });
  };
  Operation* again = some(history.operations, dice, [&](const Operation& operation) {
    if (!succeeded(operation, Verb::kApply) || operation.acts.front().answer.applied) return false;
    const uint64_t tag = operation.acts.front().tag;
    return std::ranges::any_of(history.operations,
                               [&](const Operation& other) { return first(other, tag); });
  });
  if (again == nullptr) return false;
  again->acts.front().answer.applied = true;
  return true;
}

/// Two neighbours of the log, of which one had ended before the other began, the other way round.
bool reordered(History& history, Dice& dice) {
  uint64_t first = 0;
  const Logged* found = some(history.records, dice, [&](const Logged& record) {
    first = record.offset;
    if (first == history.records.size()) return false;
    const Logged& next = history.records[first];
    const Operation* one = writer_of(history, first);
    const Operation* two = writer_of(history, first + 1);
    return one != nullptr && two != nullptr && one->ended < two->invoked &&
           record.instance != next.instance && applied(*one) && applied(*two) &&
           one->acts.front().expected_offset == 0 && two->acts.front().expected_offset == 0;
  });
  if (found == nullptr) return false;
  std::swap(history.records[first - 1], history.records[first]);
  std::swap(history.records[first - 1].offset, history.records[first].offset);
  std::swap(history.records[first - 1].ts, history.records[first].ts);
  const auto moved = [&](uint64_t& offset) {
    if (offset == first) {
      offset = first + 1;
    } else if (offset == first + 1) {
      offset = first;
    }
  };
  for (Operation& operation : history.operations) {
    for (Act& act : operation.acts) {
      moved(act.answer.offset);
      moved(act.expected_offset);
    }
    for (Row& row : operation.rows) moved(row.offset);
  }
  return true;
}

bool offset_ignored(History& history, Dice& dice) {
  const Logged* old = nullptr;
  Operation* winner = some(history.operations, dice, [&](const Operation& operation) {
    if (!applied(operation)) return false;
    const Act& act = operation.acts.front();
    const Logged* last = record_before(history, act.instance, act.answer.offset);
    old = last == nullptr ? nullptr : record_before(history, act.instance, last->offset);
    return old != nullptr && writer_of(history, last->offset) != nullptr;
  });
  if (winner == nullptr) return false;
  winner->acts.front().expected_offset = old->offset;
  return true;
}

bool state_ignored(History& history, Dice& dice) {
  Operation* winner = some(history.operations, dice, applied);
  if (winner == nullptr) return false;
  Act& act = winner->acts.front();
  act.expected_state = static_cast<int8_t>((act.answer.from + 1) % 3);
  return true;
}

bool batch_half_seen(History& history, Dice& dice) {
  Logged half;
  Operation* read = some(history.operations, dice, [&](const Operation& operation) {
    if (!succeeded(operation, Verb::kRead)) return false;
    const uint32_t instance = operation.acts.front().instance;
    for (const Logged& record : history.records) {
      if (record.instance != instance || record.batch_index + 1 >= record.batch_size) continue;
      const uint64_t end = record.offset + record.batch_size - record.batch_index - 1;
      for (uint64_t at = record.offset; at < end; ++at) {
        if (history.records[at].instance != instance) continue;
        half = record;
        return half.change != Change::kRemove;
      }
    }
    return false;
  });
  if (read == nullptr) return false;
  read->acts.front().answer = {.offset = half.offset, .to = half.to, .seen = half.seen};
  return true;
}

bool batch_half_kept(History& history, Dice&) {
  while (!history.records.empty() && history.records.back().batch_size == 0) {
    history.records.pop_back();
  }
  if (history.records.empty()) return false;
  history.records.pop_back();
  return true;
}

bool refused_and_done(History& history, Dice& dice) {
  Operation* operation = some(history.operations, dice, [](const Operation& one) {
    return applied(one) && !one.acts.front().keyed;
  });
  if (operation == nullptr) return false;
  operation->acts.front().answer = {.refusal = Refusal::kConflict};
  return true;
}

bool uncommitted_read(History& history, Dice& dice) {
  Operation* read = some(history.operations, dice, [](const Operation& operation) {
    return succeeded(operation, Verb::kRead);
  });
  if (read == nullptr) return false;
  Answer& answer = read->acts.front().answer;
  answer.offset = history.records.size() + 7;
  answer.seen.tag = 999'999'999;
  return true;
}

/// What a client was told in a later session looks like what was cut off in the first.
bool late_effect(History& history, Dice& dice) {
  const auto cut = std::ranges::find(history.operations, false, &Operation::answered);
  if (cut == history.operations.end()) return false;
  const int64_t ended = cut->ended;
  Operation* late = some(history.operations, dice, [&](const Operation& operation) {
    return applied(operation) && operation.invoked > ended + 2'000 && !operation.acts[0].keyed;
  });
  if (late == nullptr) return false;
  late->answered = false;
  late->invoked = ended - 1;
  late->ended = ended;
  late->acts.front().answer = {};
  return true;
}

bool wrong_origin(History& history, Dice& dice) {
  Operation* operation = some(history.operations, dice, applied);
  if (operation == nullptr) return false;
  Answer& answer = operation->acts.front().answer;
  answer.from = static_cast<int8_t>((answer.from + 1) % 3);
  return true;
}

bool merge_lost(History& history, Dice& dice) {
  Logged* record = some(history.records, dice, [](const Logged& one) {
    return one.change == Change::kApply && std::ranges::count(one.seen.group, 0U) < 3;
  });
  if (record == nullptr) return false;
  for (uint64_t& tag : record->seen.group) tag = tag == record->tag ? tag : 0;
  return true;
}

bool not_found_alive(History& history, Dice& dice) {
  Operation* read = some(history.operations, dice, [&](const Operation& operation) {
    if (!succeeded(operation, Verb::kRead)) return false;
    // Not while it is being made, or removed.
    return std::ranges::none_of(history.operations, [&](const Operation& other) {
      return std::ranges::any_of(other.acts, [&](const Act& act) {
        const bool ends = act.verb == Verb::kCreate || act.verb == Verb::kRemove;
        return ends && act.instance == operation.acts.front().instance &&
               other.invoked < operation.ended && operation.invoked < other.ended;
      });
    });
  });
  if (read == nullptr) return false;
  read->acts.front().answer = {.refusal = Refusal::kNotFound};
  return true;
}

bool offset_missing(History& history, Dice& dice) {
  const size_t from = dice.below(history.records.size());
  for (size_t i = from; i < history.records.size(); ++i) ++history.records[i].offset;
  return true;
}

bool time_back(History& history, Dice& dice) {
  Logged* record = some(history.records, dice, [](const Logged& one) { return one.offset > 1; });
  if (record == nullptr) return false;
  record->ts = 0;
  return true;
}

bool page_repeats(History& history, Dice& dice) {
  Operation* pages = some(history.operations, dice, [](const Operation& operation) {
    return operation.ask == Ask::kPages && operation.answered && !operation.rows.empty();
  });
  if (pages == nullptr) return false;
  pages->rows.push_back(pages->rows.front());
  return true;
}

bool page_skips(History& history, Dice& dice) {
  size_t row = 0;
  Operation* pages = some(history.operations, dice, [&](const Operation& operation) {
    if (operation.ask != Ask::kPages || !operation.answered) return false;
    for (row = 0; row < operation.rows.size(); ++row) {
      const uint32_t instance = operation.rows[row].instance;
      const bool changing = std::ranges::any_of(history.operations, [&](const Operation& other) {
        return std::ranges::any_of(other.acts, [&](const Act& act) {
          if (act.instance != instance) return false;
          if (act.verb == Verb::kRemove) return other.invoked <= operation.ended;
          return act.verb == Verb::kCreate && (!other.answered || other.ended >= operation.invoked);
        });
      });
      if (!changing) return true;
    }
    return false;
  });
  if (pages == nullptr) return false;
  pages->rows.erase(pages->rows.begin() + static_cast<std::ptrdiff_t>(row));
  return true;
}

Stream* some_stream(History& history, Dice& dice) {
  return some(history.streams, dice, [](const Stream& stream) { return stream.told.size() > 2; });
}

bool watch_gap(History& history, Dice& dice) {
  Stream* stream = some_stream(history, dice);
  if (stream == nullptr) return false;
  const size_t place = dice.below(stream->told.size());
  stream->told.erase(stream->told.begin() + static_cast<std::ptrdiff_t>(place));
  return true;
}

bool watch_repeat(History& history, Dice& dice) {
  Stream* stream = some_stream(history, dice);
  if (stream == nullptr) return false;
  const size_t place = dice.below(stream->told.size());
  const Told told = stream->told[place];
  stream->told.insert(stream->told.begin() + static_cast<std::ptrdiff_t>(place), told);
  return true;
}

bool watch_swap(History& history, Dice& dice) {
  Stream* stream = some_stream(history, dice);
  if (stream == nullptr) return false;
  const size_t place = dice.below(stream->told.size() - 1);
  std::swap(stream->told[place], stream->told[place + 1]);
  return true;
}

bool watch_early(History& history, Dice& dice) {
  Stream* stream = some_stream(history, dice);
  if (stream == nullptr) return false;
  dice.pick(stream->told).at = 0;
  return true;
}

bool watch_undone(History& history, Dice& dice) {
  Stream* stream = some_stream(history, dice);
  if (stream == nullptr) return false;
  Told told = stream->told.back();
  told.offset = history.records.size() + 1;
  stream->told.push_back(told);
  return true;
}

bool watch_leak(History& history, Dice&) {
  Stream& stream = history.streams.front();
  const auto removal = std::ranges::find(stream.told, Change::kRemove, &Told::change);
  if (removal == stream.told.end()) return false;
  stream.filter.kinds = 0b0110;
  std::erase_if(stream.told, [&](const Told& told) {
    return told.change == Change::kRemove && told.offset != removal->offset;
  });
  return true;
}

bool watch_wrong_context(History& history, Dice& dice) {
  Stream& stream = history.streams.front();
  Told* told =
      some(stream.told, dice, [](const Told& one) { return one.change == Change::kApply; });
  if (told == nullptr) return false;
  told->seen.n += 1;
  return true;
}

bool watch_wrong_start(History& history, Dice& dice) {
  const Logged* record =
      some(history.records, dice, [](const Logged& one) { return one.change == Change::kApply; });
  if (record == nullptr) return false;
  history.streams.push_back({.filter = {.instance = record->instance},
                             .behind = record->offset,
                             .whole_up_to = record->offset,
                             .state = static_cast<int8_t>((record->to + 1) % 3)});
  return true;
}

constexpr Mistake kMistakes[] = {
    {"lost_ack", Rule::kLostAck, false, lost_ack},
    {"stale_read", Rule::kStaleRead, true, stale_read},
    {"stale_list", Rule::kStaleRead, false, stale_list},
    {"phantom", Rule::kPhantom, false, phantom},
    {"key_forgotten", Rule::kDuplicateApply, false, key_forgotten},
    {"applied_twice", Rule::kDuplicateApply, true, applied_twice},
    {"reordered", Rule::kRealTime, false, reordered},
    {"expected_offset_ignored", Rule::kLogIsFold, true, offset_ignored},
    {"expected_state_ignored", Rule::kLogIsFold, true, state_ignored},
    {"batch_half_seen", Rule::kAnswerRight, false, batch_half_seen},
    {"batch_half_kept", Rule::kBatchWhole, false, batch_half_kept},
    {"refused_and_done", Rule::kRefusedAbsent, false, refused_and_done},
    {"uncommitted_read", Rule::kAnswerRight, true, uncommitted_read},
    {"late_effect", Rule::kLateEffect, false, late_effect},
    {"wrong_origin", Rule::kAnswerRight, true, wrong_origin},
    {"merge_lost", Rule::kLogIsFold, false, merge_lost},
    {"not_found_alive", Rule::kInstanceLinearizable, true, not_found_alive},
    {"offset_missing", Rule::kOffsetsDense, false, offset_missing},
    {"time_back", Rule::kOffsetsDense, false, time_back},
    {"page_repeats", Rule::kPageStable, false, page_repeats},
    {"page_skips", Rule::kPageStable, false, page_skips},
    {"watch_gap", Rule::kWatchGap, false, watch_gap},
    {"watch_repeat", Rule::kWatchRepeat, false, watch_repeat},
    {"watch_swap", Rule::kWatchRepeat, false, watch_swap},
    {"watch_early", Rule::kWatchEarly, false, watch_early},
    {"watch_undone", Rule::kWatchEarly, false, watch_undone},
    {"watch_leak", Rule::kWatchFilter, false, watch_leak},
    {"watch_wrong_context", Rule::kWatchRight, false, watch_wrong_context},
    {"watch_wrong_start", Rule::kWatchSeam, false, watch_wrong_start},
};

}  // namespace

std::span<const Mistake> mistakes() {
  static const std::vector<Mistake> kAll = [] {
    std::vector<Mistake> all(std::begin(kMistakes), std::end(kMistakes));
    all.insert(all.end(), wrong_walks().begin(), wrong_walks().end());
    return all;
  }();
  return kAll;
}

}  // namespace rstmdb::lin
