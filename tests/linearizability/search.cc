#include "linearizability/search.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/hash.h"

namespace rstmdb::lin {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

uint64_t bit(uint32_t operation) {
  return hash64({reinterpret_cast<const char*>(&operation), sizeof operation}, 0x5eed);
}

/// The offsets at which the operation surely took effect.
size_t sure_effects(const LocalOperation& operation, std::vector<uint64_t>& offsets) {
  if (operation.kind == LocalOperation::Kind::kLogged) {
    offsets.insert(offsets.end(), operation.offsets.begin(), operation.offsets.end());
    return operation.offsets.size();
  }
  if (operation.kind != LocalOperation::Kind::kAnswered) return 0;
  size_t count = 0;
  for (const Act* act : operation.acts) {
    if (act->verb != Verb::kApply || !act->answer.applied) continue;
    offsets.push_back(act->answer.offset);
    ++count;
  }
  return count;
}

uint64_t first_effect(const LocalOperation& operation) {
  if (operation.kind == LocalOperation::Kind::kLogged) return operation.offsets.front();
  const auto first = std::ranges::find_if(operation.acts, [](const Act* act) {
    return act->verb == Verb::kApply && act->answer.applied;
  });
  return (*first)->answer.offset;
}

}  // namespace

Search::Search(const std::vector<LocalOperation>& operations) : operations_(operations) {
  order_events();
  rank_operations();
  for (const LocalOperation& operation : operations) {
    effects_.push_back(sure_effects(operation, offsets_));
  }
  std::ranges::sort(offsets_);
}

void Search::rank_operations() {
  std::unordered_set<uint64_t> shown;
  std::unordered_map<uint64_t, int> sent;  // more than once: it may be another that was seen
  for (const LocalOperation& operation : operations_) {
    for (const Act* act : operation.acts) ++sent[act->tag];
    if (operation.kind != LocalOperation::Kind::kAnswered) continue;
    for (const Act* act : operation.acts) {
      shown.insert(act->answer.seen.tag);
      shown.insert(act->answer.seen.group.begin(), act->answer.seen.group.end());
    }
  }
  for (const LocalOperation& operation : operations_) {
    const bool seen = std::ranges::any_of(operation.acts, [&](const Act* act) {
      return sent[act->tag] == 1 && shown.contains(act->tag);
    });
    ranks_.push_back(operation.kind != LocalOperation::Kind::kUnknown ? kAnswered
                     : seen                                           ? kEffective
                                                                      : kUncertain);
  }
}

void Search::order_events() {
  struct Moment {
    int64_t at;
    bool end;
    uint32_t operation;
  };
  std::vector<Moment> moments;
  for (uint32_t i = 0; i < operations_.size(); ++i) {
    moments.push_back({operations_[i].invoked, false, i});
    moments.push_back({operations_[i].ended, true, i});
  }
  // What ends when another begins has overlapped it.
  std::ranges::sort(moments, [](const Moment& a, const Moment& b) {
    return std::tuple(a.at, a.end, a.operation) < std::tuple(b.at, b.end, b.operation);
  });
  events_.resize(moments.size() + 1);
  beginnings_.resize(operations_.size());
  for (uint32_t i = 0; i < moments.size(); ++i) {
    Event& event = events_[i + 1];
    event.operation = moments[i].operation;
    event.end = moments[i].end;
    event.previous = i;
    events_[i].next = i + 1;
    if (!event.end) beginnings_[event.operation] = i + 1;
    if (event.end) events_[beginnings_[event.operation]].partner = i + 1;
  }
}

void Search::unlink(uint32_t event) {
  const Event& gone = events_[event];
  events_[gone.previous].next = gone.next;
  if (gone.next != kNowhere) events_[gone.next].previous = gone.previous;
}

void Search::relink(uint32_t event) {
  const Event& back = events_[event];
  events_[back.previous].next = event;
  if (back.next != kNowhere) events_[back.next].previous = event;
}

void Search::take_out(uint32_t beginning) {
  placed_hash_ ^= bit(events_[beginning].operation);
  effects_placed_ += effects_[events_[beginning].operation];
  unlink(beginning);
  unlink(events_[beginning].partner);
}

void Search::put_back(uint32_t beginning) {
  relink(events_[beginning].partner);
  relink(beginning);
  effects_placed_ -= effects_[events_[beginning].operation];
  placed_hash_ ^= bit(events_[beginning].operation);
}

/// Offsets grow, and each sure effect has to be placed: so the next of them comes first.
bool Search::is_next(uint32_t operation) const {
  if (effects_[operation] != 0)
    return first_effect(operations_[operation]) == offsets_[effects_placed_];
  const std::vector<uint64_t>& own = operations_[operation].offsets;
  return own.empty() || effects_placed_ == offsets_.size() ||
         own.front() < offsets_[effects_placed_];
}

/// Whether these operations have not led to this state before.
bool Search::is_new(const LocalState& state, uint32_t operation) {
  const uint64_t both[] = {placed_hash_ ^ bit(operation), state.hash()};
  return tried_.insert(hash64({reinterpret_cast<const char*>(both), sizeof both})).second;
}

/// What leaves the state as it is can be placed as soon as it fits: whatever explains the rest with
/// it in a later place explains it with it here.
bool Search::place(uint32_t beginning) {
  ++steps_;
  const uint32_t operation = events_[beginning].operation;
  if (!is_next(operation)) return false;
  auto after = step(state_, operations_[operation]);
  if (!after) return false;
  const bool changes = !(*after == state_);
  if (changes && !is_new(*after, operation)) return false;
  const auto how = changes ? Placed::How::kTried : Placed::How::kOnly;
  placed_.push_back({beginning, how, std::move(state_)});
  state_ = std::move(*after);
  take_out(beginning);
  return true;
}

/// The request without an answer has never taken effect.
void Search::drop(uint32_t beginning) {
  placed_.push_back({beginning, Placed::How::kDropped, state_});
  take_out(beginning);
}

/// Undoes the last step and goes on behind it; false when there is none.
bool Search::go_back() {
  while (!placed_.empty()) {
    Placed last = std::move(placed_.back());
    placed_.pop_back();
    put_back(last.beginning);
    state_ = std::move(last.before);
    if (last.how == Placed::How::kOnly) continue;
    const bool dropped = last.how == Placed::How::kDropped;
    rank_ = dropped ? kEffective : ranks_[events_[last.beginning].operation];
    event_ = dropped ? events_[0].next : events_[last.beginning].next;
    return true;
  }
  return false;
}

/// All of this rank has been tried up to the end of `operation`; false when nothing is left.
bool Search::at_end(uint32_t operation) {
  if (ranks_[operation] == kUncertain && is_new(state_, operation)) {
    drop(beginnings_[operation]);
  } else if (rank_ != kUncertain) {
    ++rank_;
    event_ = events_[0].next;
    return true;
  } else {
    return go_back();
  }
  rank_ = kAnswered;
  event_ = events_[0].next;
  return true;
}

Search::Result Search::run(uint64_t steps_max) {
  event_ = events_[0].next;
  while (events_[0].next != kNowhere) {
    if (steps_ > steps_max) return Result::kGivenUp;
    const uint32_t operation = events_[event_].operation;
    if (events_[event_].end) {
      if (placed_.size() >= deepest_) {
        deepest_ = placed_.size();
        obstacle_ = operation;
      }
      if (!at_end(operation)) return Result::kNone;
    } else if (ranks_[operation] == rank_ && place(event_)) {
      rank_ = kAnswered;
      event_ = events_[0].next;
    } else {
      event_ = events_[event_].next;
    }
  }
  return Result::kFound;
}

}  // namespace rstmdb::lin
