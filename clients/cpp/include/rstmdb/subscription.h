// A stream of transitions, pulled by the program at its own pace.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "rstmdb/result.h"
#include "rstmdb/types.h"

namespace rstmdb::client {

class SubscriptionCore;

/// One WATCH with a connection of its own, so that a program that does not keep up holds back
/// nothing but this stream: the connection is simply not read until there is room.
///
/// After a lost connection it subscribes again from the last delivered offset + 1, as often as the
/// reconnect options allow, also when the server refuses it for now or does not answer: no
/// transition is left out and none comes twice. Movable, and safe to use from several threads (each
/// notification goes to one of them). Destroying it ends the subscription.
class Subscription {
 public:
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// The next transition. Waits for at most `timeout` (nothing came: an empty optional) or until
  /// `stop`. An error is final: the stream has ended, for example because compaction has removed
  /// the offset to resume from (NOT_FOUND with detail oldest_offset).
  Result<std::optional<Notification>> next(std::chrono::milliseconds timeout,
                                           std::stop_token stop = {});

  /// The id given by the server; another one after a reconnect.
  std::string id() const;
  /// Where the subscription began: for an instance its current offset, else the head of the log.
  uint64_t start_offset() const;
  /// The state of the instance when the subscription began, or its last one; "" for a watch of all.
  std::string start_state() const;
  /// Whether the instance had been deleted by then: its watch from an offset tells the rest of its
  /// changes, and nothing behind them.
  bool start_deleted() const;
  /// The offset of the last notification taken by next(); 0 before the first.
  uint64_t last_offset() const;

  /// Ends the subscription (UNWATCH) and its connection. next() then fails with kCancelled, or goes
  /// on to give the error that ended the stream before.
  Result<void> close();

 private:
  friend class Client;
  explicit Subscription(std::shared_ptr<SubscriptionCore> core);
  std::shared_ptr<SubscriptionCore> core_;
};

}  // namespace rstmdb::client
