#include "watch/outlet.h"

#include <algorithm>
#include <utility>

namespace rstmdb::watch {

void Outlet::deliver(Subscription& subscription, const ChangeList::Held& held) {
  Watcher& watcher = *subscription.watcher;
  const ChangeKind kind = held.change.kind;
  watcher.deliver({.shared = subscription.include_ctx ? held.full : held.lean,
                   .offset = held.change.offset,
                   .change = kind,
                   .kind = subscription.names_kind ? kind_name(kind) : std::string_view(),
                   .subscription_id = subscription.id});
  ++(subscription.filter.instance_id.empty() ? to_all_watchers_ : to_instance_watchers_);
  if (std::exchange(watcher.touched_, true)) return;
  touched_.push_back(&watcher);
}

void Outlet::flush() {
  // Sending may let a paused connection handle requests, which may end subscriptions and begin new
  // ones; nothing is delivered from there.
  for (size_t i = 0; i < touched_.size(); ++i) {
    Watcher* watcher = touched_[i];
    if (watcher == nullptr) continue;
    watcher->touched_ = false;
    watcher->flush();
  }
  touched_.clear();
}

void Outlet::forget(Watcher& watcher) {
  if (!std::exchange(watcher.touched_, false)) return;
  std::ranges::replace(touched_, &watcher, static_cast<Watcher*>(nullptr));
}

}  // namespace rstmdb::watch
