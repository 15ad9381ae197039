// Where notifications leave: the last step before the connections, and the count of what took it.
#pragma once

#include <cstdint>
#include <vector>

#include "watch/change_list.h"
#include "watch/subscription.h"

namespace rstmdb::watch {

class Outlet {
 public:
  bool has_room(const Subscription& subscription) const {
    return subscription.watcher->make_room();
  }
  void deliver(Subscription& subscription, const ChangeList::Held& held);
  /// Has everybody send who was delivered something. Others may be forgotten meanwhile.
  void flush();
  void forget(Watcher& watcher);

  uint64_t to_instance_watchers() const { return to_instance_watchers_; }
  uint64_t to_all_watchers() const { return to_all_watchers_; }

 private:
  std::vector<Watcher*> touched_;  // null: forgotten
  uint64_t to_instance_watchers_ = 0;
  uint64_t to_all_watchers_ = 0;
};

}  // namespace rstmdb::watch
