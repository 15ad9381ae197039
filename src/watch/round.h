// One round of telling those who are live: a stretch of committed changes, and for each connection
// which of them it gets. Changes are looked up one after the other, but delivered connection by
// connection: what one gets is written in one piece and sent at once, while its bytes and the
// changes' texts are in the cache.
//
// A round ends behind the unit whose texts fill a connection's room, so that everybody's first
// notifications are on their way before anybody's last ones are written; and in the middle of one
// when very many are told.
#pragma once

#include <cstdint>
#include <vector>

#include "watch/change_list.h"
#include "watch/subscription.h"

namespace rstmdb::watch {

class Round {
 public:
  struct Delivery {
    Subscription* subscription;
    uint32_t change;  // its number in the round
    uint32_t next;    // of the same connection
  };

  void clear();
  /// Whether a change of the unit that begins at `next_unit` belongs to the next round.
  bool full(uint64_t next_unit) const;
  /// Begins the next change; add_receiver() for it follows. Views into the pending texts.
  void add_change(const ChangeList::Held& held);
  void add_receiver(Subscription& subscription);

  const std::vector<ChangeList::Held>& changes() const { return changes_; }
  /// Calls `use` with each connection that gets something, in the order in which they were added.
  template <class Use>
  void each_watcher(const Use& use) {
    for (Watcher* watcher : watchers_) use(*watcher);
  }
  /// Calls `use` with each delivery to `watcher`, in the order of the log.
  template <class Use>
  void each_delivery(const Watcher& watcher, const Use& use) const {
    for (uint32_t at = watcher.first_delivery_;; at = deliveries_[at].next) {
      use(deliveries_[at]);
      if (at == watcher.last_delivery_) return;
    }
  }

 private:
  std::vector<ChangeList::Held> changes_;
  std::vector<Delivery> deliveries_;
  std::vector<Watcher*> watchers_;
  size_t bytes_ = 0;
};

}  // namespace rstmdb::watch
