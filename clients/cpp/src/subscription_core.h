// A subscription: the queue between the thread of its link and the program that pulls.
//
// The rule: every offset from the beginning on reaches the queue once and in order. After a new
// connection the stream is opened again at the offset behind the last one queued, and anything
// older that still comes is dropped. When the queue is full the link stops reading its connection.
#pragma once

#include <condition_variable>
#include <deque>
#include <variant>

#include "decode.h"
#include "link.h"
#include "rstmdb/subscription.h"

namespace rstmdb::client {

class SubscriptionCore final : private Stream {
 public:
  using Watch = std::variant<WatchInstance, WatchAll>;

  /// Connects and subscribes; a refusal of the server is the error.
  static Result<std::shared_ptr<SubscriptionCore>> open(std::shared_ptr<const Options> options,
                                                        Watch watch, TimePoint deadline,
                                                        std::stop_token stop);
  SubscriptionCore(std::shared_ptr<const Options> options, Watch watch);
  ~SubscriptionCore() override;

  Result<std::optional<Notification>> next(std::chrono::milliseconds timeout, std::stop_token stop);
  Result<void> close();

  std::string id() const;
  uint64_t start_offset() const;
  std::string start_state() const;
  bool start_deleted() const;
  uint64_t last_offset() const;

  static constexpr size_t kQueuedMax = 1024;

 private:
  class OpenCall;
  CallPtr open() override;
  void on_event(json::Value event) override;
  bool has_room() override;
  bool has_ended() override;
  std::optional<Error> unusable() override;
  void on_end(const Error& error) override;

  void opened(Watching watching);
  void not_opened(Error error);
  void end(Error error);

  const std::shared_ptr<const Options> options_;

  mutable std::mutex mutex_;  // guards everything up to link_
  std::condition_variable_any changed_;
  Watch watch_;  // its from_offset is where the next connection resumes
  std::deque<Notification> queue_;
  std::optional<Error> ended_;
  std::optional<Error> refused_;  // on this connection, by what another attempt may overcome
  bool closed_ = false;           // by the program
  std::optional<Watching> first_;  // the answer that began it
  std::string id_;
  uint64_t next_offset_ = 0;  // the least that may still come; 0 = not known yet
  uint64_t last_taken_ = 0;

  Link link_;  // last: its thread uses all the others
};

}  // namespace rstmdb::client
