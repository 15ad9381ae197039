#include "watch/catch_up.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "watch/unreadable.h"

namespace rstmdb::watch {
namespace {

using Mode = Subscription::Mode;

/// The other half is for the stretches.
constexpr size_t kCursorsMax = limits::kWatchCursorsMax / 2;
/// What looking at a change counts as in the bytes that are told in a turn.
constexpr size_t kLookBytes = 16;
/// So much is worth a trip to the network of its own.
constexpr size_t kWorthPushing = 16 * 1024;

}  // namespace

CatchUp::List& CatchUp::list_of(Mode mode) {
  switch (mode) {
    case Mode::kQueued:
      return queued_;
    case Mode::kWaits:
      return waiting_;
    case Mode::kStalled:
      return stalled_;
    case Mode::kLive:
      break;
  }
  check_failed(__FILE__, __LINE__, "a subscription that is behind", "");
}

void CatchUp::enlist(Subscription& subscription, Mode mode) {
  RSTMDB_CHECK(!subscription.entered(), "what is behind begins outside of the index");
  List& list = list_of(mode);
  subscription.mode = mode;
  subscription.behind = list.insert(list.end(), &subscription);
}

void CatchUp::move_to(Subscription& subscription, Mode mode) {
  List& to = list_of(mode);
  to.splice(to.end(), list_of(subscription.mode), subscription.behind);
  subscription.mode = mode;
}

void CatchUp::begin(Subscription& subscription, std::unique_ptr<log::Cursor> cursor) {
  hold_cursor(subscription, std::move(cursor));
  const bool answered = options_.log.committed() >= subscription.answer_offset;
  enlist(subscription, answered ? Mode::kQueued : Mode::kWaits);
}

void CatchUp::begin_stalled(Subscription& subscription) { enlist(subscription, Mode::kStalled); }
void CatchUp::begin_queued(Subscription& subscription) { enlist(subscription, Mode::kQueued); }

void CatchUp::resume(Subscription& subscription) {
  if (subscription.mode == Mode::kStalled) move_to(subscription, Mode::kQueued);
}

void CatchUp::forget(Subscription& subscription) {
  give_cursor(subscription);
  list_of(subscription.mode).erase(subscription.behind);
  if (count() == 0) stretches_.clear();
}

void CatchUp::committed() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    Subscription& subscription = **next++;
    if (subscription.answer_offset <= options_.log.committed()) {
      move_to(subscription, Mode::kQueued);
    }
  }
}

CatchUp::Rest CatchUp::run() {
  const log::Offset committed = options_.log.committed();
  // Whoever reads as fast as others write must come closer, however much a turn writes.
  const uint64_t records_max = stretches_.records_read() + 2 * (committed - committed_last_turn_);
  const uint64_t bytes_max = stretches_.bytes_read() + limits::kCatchUpTurnBytesMax;
  committed_last_turn_ = committed;
  size_t told = 0;
  while (!queued_.empty() && told < limits::kTurnToldBytesMax &&
         (stretches_.bytes_read() < bytes_max || stretches_.records_read() < records_max)) {
    told += advance(*queued_.front());
  }
  options_.outlet.flush();
  return queued_.empty() ? Rest::kNone : Rest::kMore;
}

/// Takes one subscription on by a stretch of the log; returns what that counts as in the bytes of
/// the turn. It may be gone then.
size_t CatchUp::advance(Subscription& subscription) {
  if (!options_.outlet.has_room(subscription)) {
    stall(subscription);
    return 0;
  }
  auto stretch = stretches_.at(subscription.next_offset, give_cursor(subscription));
  if (!stretch.ok()) {
    lose(subscription, stretch.error());
    return 0;
  }
  if (*stretch == nullptr) {
    meet_head(subscription);
    return 0;
  }
  move_to(subscription, Mode::kQueued);
  const size_t told = pass_on(subscription, **stretch);
  if (told >= kWorthPushing) subscription.watcher->push();
  return told;
}

void CatchUp::stall(Subscription& subscription) {
  if (subscription.entered()) options_.index.remove(subscription);
  move_to(subscription, Mode::kStalled);
}

/// Everything that is committed has been read.
void CatchUp::meet_head(Subscription& subscription) {
  if (!subscription.entered()) {
    options_.index.add(subscription);
    subscription.armed_from = options_.log.next_offset();
  }
  if (subscription.next_offset < subscription.armed_from) {
    return move_to(subscription, Mode::kWaits);
  }
  forget(subscription);
  subscription.mode = Mode::kLive;
}

void CatchUp::lose(Subscription& subscription, const Error& error) {
  subscription.watcher->on_lost(unreadable_for("a watch", error));
}

void CatchUp::hold_cursor(Subscription& subscription, std::unique_ptr<log::Cursor> cursor) {
  subscription.cursor = std::move(cursor);
  subscription.open = open_.insert(open_.end(), &subscription);
  if (open_.size() > kCursorsMax) give_cursor(*open_.front());
}

std::unique_ptr<log::Cursor> CatchUp::give_cursor(Subscription& subscription) {
  if (subscription.cursor) open_.erase(subscription.open);
  return std::move(subscription.cursor);
}

/// Delivers what the subscription wants of a stretch, up to the first unit for which its connection
/// has no room; a unit is delivered whole, even beyond that. Returns what it counts as.
size_t CatchUp::pass_on(Subscription& subscription, const Stretch& stretch) {
  const ChangeList& changes = stretch.changes;
  size_t told = 0;
  for (size_t n = changes.first_from(subscription.next_offset); n < changes.size(); ++n) {
    const ChangeList::Held held = changes.at(n);
    told += kLookBytes;
    if (!subscription.filter.matches(held.change)) continue;
    if (subscription.granted_unit != held.unit_first) {
      if (!options_.outlet.has_room(subscription)) {
        subscription.next_offset = held.change.offset;
        stall(subscription);
        return told;
      }
      subscription.granted_unit = held.unit_first;
    }
    options_.outlet.deliver(subscription, held);
    told += held.full.text.size();
  }
  subscription.next_offset = std::max(subscription.next_offset, stretch.end);
  return told;
}

log::Offset CatchUp::oldest_needed(log::Offset otherwise) const {
  log::Offset oldest = otherwise;
  for (const List* list : {&queued_, &waiting_, &stalled_}) {
    for (const Subscription* subscription : *list) {
      oldest = std::min(oldest, subscription->next_offset);
    }
  }
  return oldest;
}

}  // namespace rstmdb::watch
