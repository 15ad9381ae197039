// Those who watch: connections with subscriptions of all kinds that stall, leave and come back to
// where they were; over HTTP each with one stream of server-sent events, which is resumed by the
// last id. What they are told becomes streams of the history.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "crash/dice.h"
#include "linearizability/history.h"
#include "linearizability/line.h"
#include "linearizability/plan.h"

namespace rstmdb::lin {

class Watchers {
 public:
  Watchers(History& history, Plan& plan, uint32_t count, uint64_t seed);

  /// Connects all of them; each goes on where it was, or begins.
  Result<void> connect(const Ports& ports);
  /// Sends, and decides who stalls, leaves or comes back.
  Result<void> send();
  void add_to(std::vector<pollfd>& waiting) const;
  Result<void> receive();
  /// No more stalls and departures: all of them read.
  void wake();
  /// Whether each has been told all that passes of the log up to its end, which it then has to
  /// have been.
  bool told_everything(const std::vector<Logged>& records);
  /// What must have been told by now: for the checker, whether it was or not.
  void expect_everything(uint64_t end);

  /// The server is dead: takes what it had sent.
  void bury();

 private:
  /// One who watches, over all of its connections.
  struct Subscriber {
    Filter filter = {};
    std::optional<uint64_t> last = {};    // everything behind this offset is still due
    std::optional<uint64_t> resume = {};  // what is asked for to get it
  };
  struct Watcher {
    uint32_t number = 0;
    uint8_t dialect = 0;
    std::unique_ptr<Line> line = {};
    std::vector<Subscriber> subscribers = {};
    std::unordered_map<uint64_t, Operation> asked = {};    // WATCHes under way, by request
    std::unordered_map<uint64_t, size_t> asking = {};      // ... and whose they are
    std::unordered_map<std::string, size_t> streams = {};  // by subscription
    std::unordered_map<std::string, size_t> subscribers_of = {};
    int64_t stalled_until = 0;
    int64_t leaves_at = 0;
  };

  Filter draw_filter();
  Result<void> open(Watcher& watcher);
  void subscribe(Watcher& watcher, size_t subscriber);
  void take(Watcher& watcher, uint64_t id, json::Value response);
  void begin_stream(Watcher& watcher, size_t subscriber, Operation& asked, json::Value result);
  void hear(Watcher& watcher, json::Value notification);
  Result<Line::Link> receive(Watcher& watcher);
  bool reads(const Watcher& watcher) const;

  History& history_;
  Plan& plan_;
  crash::Dice dice_;
  Ports ports_;
  bool awake_ = false;
  uint64_t last_id_ = 0;
  std::string nonsense_;  // the first thing heard that is no notification of ours
  std::vector<Watcher> watchers_;
};

}  // namespace rstmdb::lin
