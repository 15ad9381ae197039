#include "watch/round.h"

#include <utility>

#include "base/limits.h"

namespace rstmdb::watch {
namespace {

/// A change that everybody wants may exceed it by as many as there are.
constexpr size_t kDeliveriesMax = 16 * 1024;

}  // namespace

void Round::clear() {
  for (Watcher* watcher : watchers_) watcher->in_round_ = false;
  watchers_.clear();
  deliveries_.clear();
  changes_.clear();
  bytes_ = 0;
}

bool Round::full(uint64_t next_unit) const {
  if (deliveries_.size() >= kDeliveriesMax) return true;
  return bytes_ >= limits::kWatchBufferBytesMax && changes_.back().unit_first != next_unit;
}

void Round::add_change(const ChangeList::Held& held) {
  changes_.push_back(held);
  bytes_ += held.full.text.size() + wire::kEventOwnBytesMax;
}

void Round::add_receiver(Subscription& subscription) {
  Watcher& watcher = *subscription.watcher;
  const auto at = static_cast<uint32_t>(deliveries_.size());
  deliveries_.push_back({&subscription, static_cast<uint32_t>(changes_.size() - 1), at});
  if (std::exchange(watcher.in_round_, true)) {
    deliveries_[watcher.last_delivery_].next = at;
  } else {
    watcher.first_delivery_ = at;
    watchers_.push_back(&watcher);
  }
  watcher.last_delivery_ = at;
}

}  // namespace rstmdb::watch
