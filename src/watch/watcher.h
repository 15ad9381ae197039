// Who is notified: a connection, as the hub sees it. On the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "watch/change.h"
#include "wire/message.h"

namespace rstmdb::watch {

struct Subscription;

/// The memory of a connection that watches and does not read: what may be unsent, the notification
/// that crosses that line unless it is a large one, and what has been sent and is still in front.
/// std::string adds a byte, and more than 80 KiB would cost 96.
inline constexpr size_t kBufferMemoryBytes = limits::kWatchBufferBytesMax + 16 * 1024 - 1;

/// What one subscription is told of one change.
struct Notification {
  wire::SharedEvent shared;
  uint64_t offset = 0;
  ChangeKind change = ChangeKind::kTransition;
  std::string_view kind;  // "" unless the subscriber has asked for kinds
  std::string_view subscription_id;
};

/// Implemented by the session. The hub has no connection of its own: whatever is delivered becomes
/// bytes of the connection at once, so its bound is the connection's.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// Whether fewer than limits::kWatchBufferBytesMax are unsent, once the network has been given
  /// what it takes. When it says no, the hub waits for Hub::resume(). Must not call the hub.
  virtual bool make_room() = 0;
  /// Adds a frame to what will be sent. Must not call the hub.
  virtual void deliver(const Notification& notification) = 0;
  /// Gives the network what it takes of that. Must not call the hub.
  virtual void push() = 0;
  /// All of this turn has been delivered: send it. May call the hub.
  virtual void flush() = 0;
  /// The log cannot be read where one of the subscriptions is: a stream with a hole would be a lie,
  /// so the connection says why and ends. Calls Hub::forget().
  virtual void on_lost(const Error& error) = 0;

  size_t subscriptions() const { return subscriptions_.size(); }

 private:
  friend class Hub;
  friend class Outlet;
  friend class Round;
  std::vector<Subscription*> subscriptions_;
  bool touched_ = false;  // has something to flush
  // Its deliveries in the round that is being gathered.
  uint32_t first_delivery_ = 0;
  uint32_t last_delivery_ = 0;
  bool in_round_ = false;
};

}  // namespace rstmdb::watch
