#include "watch/catch_up.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/logging.h"

namespace rstmdb::watch {
namespace {

using Mode = Subscription::Mode;

/// What opening a cursor counts as in the bytes of a turn, and handling a unit besides its bytes.
constexpr size_t kOpeningBytes = 16 * 1024;
constexpr size_t kUnitBytes = 64;
/// A cursor keeps room for the largest unit that it has seen; above this it is closed again.
constexpr size_t kLargeUnitBytes = 1024 * 1024;

/// File and byte are for the operator, not for the client.
Error unreadable(const Error& error) {
  if (error.code() == Code::kNotFound) return error;
  log_line(Level::kError, "the log cannot be read for a watcher", {{"error", error.to_string()}});
  return Error(Code::kWalIoError, "the log cannot be read").with("code", "LOG_DAMAGED");
}

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

void CatchUp::resume(Subscription& subscription) {
  if (subscription.mode == Mode::kStalled) move_to(subscription, Mode::kQueued);
}

void CatchUp::forget(Subscription& subscription) {
  close_cursor(subscription);
  list_of(subscription.mode).erase(subscription.behind);
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
  size_t budget = limits::kCatchUpTurnBytesMax;
  while (!queued_.empty() && budget > 0) {
    // It may be gone when advance() returns.
    budget -= std::min(budget, advance(*queued_.front(), budget));
  }
  options_.outlet.flush();
  return queued_.empty() ? Rest::kNone : Rest::kMore;
}

/// Reads on for one subscription; returns how many bytes of the turn that has cost.
size_t CatchUp::advance(Subscription& subscription, size_t budget) {
  size_t used = 0;
  if (!options_.outlet.has_room(subscription)) {
    stall(subscription);
    return used;
  }
  if (!subscription.cursor) {
    used += kOpeningBytes;
    auto cursor = options_.log.read_from(subscription.next_offset);
    if (!cursor.ok()) {
      lose(subscription, cursor.error());
      return used;
    }
    hold_cursor(subscription, std::move(cursor).value());
  }
  open_.splice(open_.end(), open_, subscription.open);
  while (used < budget) {
    const auto unit = subscription.cursor->next();
    if (!unit.ok()) {
      lose(subscription, unit.error());
      return used;
    }
    if (!*unit) {
      meet_head(subscription);
      return used;
    }
    const size_t unit_bytes = (*unit)->bytes.size();
    used += unit_bytes + kUnitBytes;
    if (const auto passed = pass_on(subscription, **unit); !passed.ok()) {
      lose(subscription, passed.error());
      return used;
    }
    if (unit_bytes > kLargeUnitBytes) {
      close_cursor(subscription);
      break;
    }
    if (!options_.outlet.has_room(subscription)) {
      stall(subscription);
      return used;
    }
  }
  end_stretch(subscription, used);
  return used;
}

/// Whoever has read a whole stretch goes to the end of the queue; before that, its cursor has its
/// window of the log in memory and it goes on.
void CatchUp::end_stretch(Subscription& subscription, size_t used) {
  subscription.stretch_bytes += used;
  if (subscription.stretch_bytes < limits::kCatchUpStretchBytesMax) return;
  subscription.stretch_bytes = 0;
  move_to(subscription, Mode::kQueued);
}

void CatchUp::stall(Subscription& subscription) {
  if (subscription.entered()) options_.index.remove(subscription);
  subscription.stretch_bytes = 0;
  move_to(subscription, Mode::kStalled);
}

/// Everything that is committed has been read.
void CatchUp::meet_head(Subscription& subscription) {
  if (!subscription.entered()) {
    options_.index.add(subscription);
    subscription.armed_from = options_.log.next_offset();
  }
  subscription.stretch_bytes = 0;
  if (subscription.next_offset < subscription.armed_from) {
    return move_to(subscription, Mode::kWaits);
  }
  forget(subscription);
  subscription.mode = Mode::kLive;
}

void CatchUp::lose(Subscription& subscription, const Error& error) {
  subscription.watcher->on_lost(unreadable(error));
}

void CatchUp::hold_cursor(Subscription& subscription, std::unique_ptr<log::Cursor> cursor) {
  subscription.cursor = std::move(cursor);
  subscription.chain_known = false;
  subscription.open = open_.insert(open_.end(), &subscription);
  if (open_.size() > limits::kWatchCursorsMax) close_cursor(*open_.front());
}

void CatchUp::close_cursor(Subscription& subscription) {
  if (!subscription.cursor) return;
  subscription.cursor.reset();
  open_.erase(subscription.open);
}

/// Delivers what the subscription wants of one unit, whole, even beyond the connection's room.
Result<void> CatchUp::pass_on(Subscription& subscription, const log::Unit& unit) {
  engine::RecordReader reader(unit.bytes, subscription.chain);
  if (!subscription.chain_known) reader.adopt_chain();
  subscription.chain_known = true;
  while (!reader.at_end()) {
    RSTMDB_ASSIGN(const engine::Record record, reader.next());
    if (record.offset < subscription.next_offset) continue;
    const auto change = change_of(record, options_.state);
    if (!change || !subscription.filter.matches(*change)) continue;
    members_.clear();
    const size_t lean = append_members(members_, *change);
    options_.outlet.deliver(subscription, change->kind, members_, lean);
  }
  subscription.next_offset =
      std::max(subscription.next_offset, unit.first_offset + unit.record_count);
  return {};
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
