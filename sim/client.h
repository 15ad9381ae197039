// A client: connects, asks, waits, loses its connection, comes back, asks again what had no answer,
// and goes on with its subscriptions where they stopped. Speaks real frames in all three dialects,
// or HTTP, where a subscription has a connection for itself.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "io/simulated_net.h"
#include "json/document.h"
#include "line.h"
#include "oracle.h"
#include "swarm.h"
#include "trace.h"
#include "workload.h"

namespace rstmdb::sim {

class Client {
 public:
  struct Options {
    uint32_t number;
    uint64_t seed;
    const Swarm& swarm;
    io::SimulatedLoop& loop;
    io::SimulatedNet& net;
    Oracle& oracle;
    Workload& workload;
    Trace& trace;
    uint32_t& connections;                // that there have been, of all clients
    std::function<uint64_t()> committed;  // the log's, now
  };
  explicit Client(Options options)
      : options_(std::move(options)),
        dice_(options_.seed),
        http_(dice_.percent(options_.swarm.http_percent)) {}

  /// The server is there: begins to act on the loop.
  void begin();
  /// The server is gone: takes what has arrived and is disconnected.
  void lose();
  /// From now on nothing new is asked for and nothing breaks; what is open is brought to an end.
  void calm_down();
  /// Whether everything is answered.
  bool idle() const { return pending_.empty() && again_.empty() && subscribe_.empty(); }
  /// For how long the oldest request has waited.
  int64_t waits_ms() const;
  /// Hears no more of what the oracle has no stream for; see how many streams there are.
  size_t streams() const { return streams_.size(); }

 private:
  struct Pending {
    Sending sending;
    int64_t at_ns;
  };
  struct Subscription {
    StreamId stream;
    WatchWish wish;  // with the place to resume at
  };

  void step();
  void step_later(int64_t delay_ms);
  void trouble();
  bool connect();
  void say_hello(wire::Dialect dialect);
  void authenticate();
  size_t draw_token();
  void send(AskId ask);
  void send_some();
  void send_again();
  void send_subscriptions();
  void send_new();
  void unwatch();
  bool sends_nothing() const { return switching_id_ != 0 || streams_alone_; }
  bool may_send(AskId ask) const;
  void take();
  void take_payload(std::string_view payload);
  void take_event(std::string_view payload);
  void take_answer(uint64_t id, std::string_view payload);
  void take_subscription(const Sending& sending);
  void disconnect();
  int64_t now_ms() const { return options_.loop.now_ns() / 1'000'000; }

  Options options_;
  crash::Dice dice_;
  std::unique_ptr<io::SimulatedLink> link_;
  std::deque<std::unique_ptr<io::SimulatedLink>> gone_;  // ended, not destroyed in their own calls
  const bool http_ = false;
  std::unique_ptr<Line> line_;
  Standing standing_;  // of the connection once everything sent on it has been handled
  size_t token_ = 0;   // that is shown with each request
  uint32_t wrong_tokens_ = 0;
  int64_t wrong_token_ms_ = 0;  // when one was last shown
  uint32_t sent_as_nobody_ = 0;
  uint32_t connection_ = 0;
  uint64_t last_id_ = 0;
  uint64_t switching_id_ = 0;  // of the HELLO whose answer changes the dialect
  std::map<uint64_t, Pending> pending_;
  std::deque<AskId> again_;
  std::deque<WatchWish> subscribe_;
  std::map<std::string, Subscription> streams_;
  std::map<AskId, std::string> unwatching_;
  bool streams_alone_ = false;  // the connection is a subscription's
  bool calm_ = false;
  bool held_ = false;
  json::Document document_;
};

}  // namespace rstmdb::sim
