#include "watch/hub.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rstmdb::watch {
namespace {

/// What a key of the index costs: an entry in its row, its place, and a share of the table.
constexpr size_t kKeyBytes = 64;

size_t bytes_of(const Filter& filter) {
  return sizeof(Subscription) + filter.bytes() + Index::key_count(filter) * kKeyBytes;
}

Error too_many(std::string message, size_t limit) {
  return Error(Code::kRateLimited, std::move(message))
      .with("code", "TOO_MANY_SUBSCRIPTIONS")
      .with("limit", static_cast<int64_t>(limit));
}

}  // namespace

Hub::Hub(const Options& options)
    : log_(options.log),
      state_(options.state),
      random_(options.random),
      index_(options.random.next_u64()),
      catch_up_({.log = options.log, .state = options.state, .index = index_, .outlet = outlet_}) {}

Hub::~Hub() = default;

Result<void> Hub::check_room(const Watcher& watcher, size_t bytes) const {
  if (watcher.subscriptions() >= limits::kSubscriptionsPerConnectionMax) {
    return too_many("the connection has as many subscriptions as allowed",
                    limits::kSubscriptionsPerConnectionMax);
  }
  if (subscriptions_.size() >= limits::kSubscriptionsMax) {
    return too_many("the server has as many subscriptions as allowed", limits::kSubscriptionsMax);
  }
  if (bytes_ + bytes > limits::kSubscriptionBytesMax) {
    return too_many("the filters of all subscriptions take as much memory as allowed",
                    limits::kSubscriptionBytesMax);
  }
  return {};
}

/// 16 hex digits that nobody can guess: an id is only of use on its own connection, but it need not
/// tell how many others there are.
std::string Hub::new_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id(16, '0');
  do {
    uint64_t number = random_.next_u64();
    for (char& digit : id) {
      digit = kDigits[number & 15];
      number >>= 4;
    }
  } while (subscriptions_.contains(id));
  return id;
}

Result<std::string> Hub::subscribe(Watcher& watcher, Wish wish) {
  wish.filter.normalise();
  const size_t bytes = bytes_of(wish.filter);
  RSTMDB_TRY(check_room(watcher, bytes));
  const log::Offset next = log_.next_offset();
  const log::Offset from = std::max<log::Offset>(wish.from.value_or(next), 1);
  std::unique_ptr<log::Cursor> past;
  if (from < next) {
    auto cursor = log_.read_from(from);
    if (!cursor.ok()) {
      Error error = std::move(cursor).error();
      if (error.code() != Code::kNotFound) return error;
      return std::move(error).with("code", "OFFSET_COMPACTED");
    }
    past = std::move(cursor).value();
  }
  auto owned = std::make_unique<Subscription>();
  Subscription& subscription = *owned;
  subscription.filter = std::move(wish.filter);
  subscription.watcher = &watcher;
  subscription.id = new_id();
  subscription.bytes = bytes;
  subscription.include_ctx = wish.include_ctx;
  subscription.names_kind = wish.names_kind;
  subscription.next_offset = from;
  subscription.answer_offset = wish.answer_offset;
  subscription.place = watcher.subscriptions_.size();
  watcher.subscriptions_.push_back(&subscription);
  bytes_ += bytes;
  if (!subscription.filter.instance_id.empty()) ++instance_active_;
  subscriptions_.emplace(subscription.id, std::move(owned));
  if (past) {
    catch_up_.begin(subscription, std::move(past));
  } else {
    index_.add(subscription);
  }
  return subscription.id;
}

bool Hub::unsubscribe(Watcher& watcher, std::string_view id) {
  const auto found = subscriptions_.find(std::string(id));
  if (found == subscriptions_.end() || found->second->watcher != &watcher) return false;
  erase(*found->second);
  return true;
}

void Hub::forget(Watcher& watcher) {
  outlet_.forget(watcher);
  while (!watcher.subscriptions_.empty()) erase(*watcher.subscriptions_.back());
  watcher.subscriptions_.shrink_to_fit();
}

void Hub::resume(Watcher& watcher) {
  for (Subscription* subscription : watcher.subscriptions_) catch_up_.resume(*subscription);
}

void Hub::erase(Subscription& subscription) {
  if (subscription.entered()) index_.remove(subscription);
  if (subscription.mode != Subscription::Mode::kLive) catch_up_.forget(subscription);
  std::vector<Subscription*>& siblings = subscription.watcher->subscriptions_;
  siblings.back()->place = subscription.place;
  siblings[subscription.place] = siblings.back();
  siblings.pop_back();
  bytes_ -= subscription.bytes;
  if (!subscription.filter.instance_id.empty()) --instance_active_;
  subscriptions_.erase(subscriptions_.find(subscription.id));
}

void Hub::keep(std::span<const engine::Record> unit) {
  for (const engine::Record& record : unit) {
    const auto change = change_of(record, state_);
    if (change && index_.wanted(*change)) pending_.add(*change, unit.front().offset);
  }
}

void Hub::committed(log::Offset offset) {
  told_bytes_ = 0;
  while (!pending_.empty() && pending_.offset(0) <= offset) {
    // Nobody is called meanwhile who could call the hub, so nothing that the round points to goes.
    gather(offset);
    round_.each_watcher([this](Watcher& watcher) {
      round_.each_delivery(watcher, [this](const Round::Delivery& delivery) {
        offer(*delivery.subscription, round_.changes()[delivery.change]);
      });
      watcher.push();
    });
    pending_.pop(round_.changes().size());
    round_.clear();
  }
  catch_up_.committed();
  outlet_.flush();
}

/// Fills the round with the changes that have waited longest, up to `offset`.
void Hub::gather(log::Offset offset) {
  cut_unit_ = cut_bytes_ = 0;
  for (size_t number = 0; number < pending_.size() && pending_.offset(number) <= offset; ++number) {
    const ChangeList::Held held = pending_.at(number);
    if (round_.full(held.unit_first)) return note_cut(number);
    round_.add_change(held);
    const Change& change = round_.changes().back().change;
    found_.clear();
    index_.find(change, found_);
    for (Indexed* indexed : found_) {
      auto& subscription = static_cast<Subscription&>(*indexed);
      // One that is still behind has been armed and gets this out of the log; one that began later
      // does not want it.
      if (subscription.mode != Subscription::Mode::kLive) continue;
      if (change.offset >= subscription.next_offset) round_.add_receiver(subscription);
    }
  }
}

/// The round ends before change `number` of the pending ones. When that is in the middle of a unit,
/// whoever is granted the unit in this round will be told the rest of it in the next ones.
void Hub::note_cut(size_t number) {
  const uint64_t unit = round_.changes().back().unit_first;
  for (; number < pending_.size(); ++number) {
    const ChangeList::Held rest = pending_.at(number);
    if (rest.unit_first != unit) return;
    cut_unit_ = unit;
    cut_bytes_ += rest.full.text.size();
  }
}

void Hub::offer(Subscription& subscription, const ChangeList::Held& held) {
  if (subscription.mode != Subscription::Mode::kLive) return;  // fell behind in this round
  if (subscription.granted_unit != held.unit_first) {
    const bool has_room = outlet_.has_room(subscription);
    if (!has_room || told_bytes_ >= limits::kTurnToldBytesMax) {
      index_.remove(subscription);
      subscription.next_offset = held.change.offset;
      if (has_room) return catch_up_.begin_queued(subscription);
      ++fell_behind_;
      return catch_up_.begin_stalled(subscription);
    }
    subscription.granted_unit = held.unit_first;
    if (held.unit_first == cut_unit_) told_bytes_ += cut_bytes_;
  }
  told_bytes_ += held.full.text.size();
  outlet_.deliver(subscription, held);
  subscription.next_offset = held.change.offset + 1;
}

void Hub::failed() {
  pending_.clear();
  // A subscription whose answer is withdrawn has never begun.
  std::vector<Subscription*> unanswered;
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription->answer_offset > log_.committed()) unanswered.push_back(subscription.get());
  }
  for (Subscription* subscription : unanswered) erase(*subscription);
}

log::Offset Hub::oldest_needed() const { return catch_up_.oldest_needed(log_.committed() + 1); }

Stats Hub::stats() const {
  Stats stats;
  stats.instance_active = instance_active_;
  stats.all_active = subscriptions_.size() - instance_active_;
  stats.instance_delivered = outlet_.to_instance_watchers();
  stats.all_delivered = outlet_.to_all_watchers();
  stats.behind = catch_up_.count();
  stats.largest_lag = log_.committed() + 1 - std::min(oldest_needed(), log_.committed() + 1);
  stats.fell_behind = fell_behind_;
  stats.pending_bytes = pending_.bytes();
  stats.cursors = catch_up_.cursors();
  stats.candidates = index_.candidates();
  stats.lookups = index_.lookups();
  return stats;
}

}  // namespace rstmdb::watch
