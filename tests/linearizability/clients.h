// The clients: as many connections, each with some requests under way, in all three dialects and
// over HTTP. Everything that they ask becomes an operation of the history once it is answered, or
// once the server is dead. One thread; the caller polls.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "linearizability/history.h"
#include "linearizability/line.h"
#include "linearizability/plan.h"

namespace rstmdb::lin {

/// Nanoseconds of the clock that all times of a history are of.
int64_t now();

class Clients {
 public:
  Clients(History& history, Plan& plan, uint32_t count)
      : history_(history), plan_(plan), count_(count) {}

  /// Connects all of them to a server that has just started; each keeps `window` requests under
  /// way.
  Result<void> connect(const Ports& ports, size_t window);
  /// Has this client ask for a compaction with its next request.
  void compact(uint32_t client) { compactor_ = client; }
  /// Whether one has been asked for that is not done.
  bool compacting() const { return compactor_ || compaction_ != 0; }

  /// Sends what may be sent: nothing new when `resting`.
  enum class Mood { kAsking, kResting };
  void send(Mood mood);
  void add_to(std::vector<pollfd>& waiting) const;
  /// Takes the answers that are there. Fails when the server is gone or answers nonsense.
  Result<void> receive();
  bool all_answered() const;

  /// The server is dead: takes what it had sent, and notes the rest as unanswered.
  Result<void> bury();

 private:
  struct Client {
    uint32_t number;
    uint8_t dialect;
    std::unique_ptr<Line> line;
    std::unordered_map<uint64_t, Operation> under_way = {};
  };

  void ask(Client& client);
  Result<Line::Link> receive(Client& client);
  void take(Client& client, uint64_t id, json::Value response);
  bool turn_page(Client& client, Operation& operation, json::Value response);
  void note_surprise(const Client& client, std::string asked, json::Value response);

  History& history_;
  Plan& plan_;
  uint32_t count_;
  size_t window_ = 1;
  std::optional<uint32_t> compactor_;  // who is to ask for one
  uint64_t last_id_ = 0;
  uint64_t compaction_ = 0;  // its request, until it is answered
  std::vector<Client> clients_;
};

}  // namespace rstmdb::lin
