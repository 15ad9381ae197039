// Eight clients at once, each with many requests in flight, until the server is killed under them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "crash/checker.h"
#include "crash/connection.h"
#include "crash/dice.h"
#include "crash/server_process.h"
#include "crash/workload.h"

namespace rstmdb::crash {

class Load {
 public:
  struct Options {
    Checker& checker;
    Workload& workload;
    ServerProcess& server;
    uint32_t connections;
    uint64_t seed;
    uint32_t compact_percent;  // of the sessions in which COMPACT is asked for, once
  };

  explicit Load(const Options& options);

  /// Drives the server for `time`, or until COMPACT is answered, kills it, and takes the answers
  /// that were still on their way. An error when the server fails before it is killed.
  Result<void> run(std::chrono::microseconds time);

  /// What COMPACT has answered so far.
  struct Compactions {
    uint64_t asked = 0;
    uint64_t answered = 0;
    uint64_t segments_deleted = 0;
  };
  const Compactions& compactions() const { return compactions_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// How the clients send: as much as they may, or in bursts with pauses between.
  enum class Pace { kFlood, kBursts };
  struct Pending {
    std::optional<Checker::RequestId> request;
    std::string instance_id;
  };
  struct Client {
    uint32_t number;
    Connection connection;
    std::unordered_map<uint64_t, Pending> in_flight = {};
    Clock::time_point next_burst = {};
  };

  Result<void> connect();
  void fill(Client& client);
  void choose_moment(std::chrono::microseconds time);
  void ask_for_compaction(Client& client);
  bool awaits_compaction() const;
  void take_compaction(json::Value response);
  void send_next(Client& client);
  Result<void> turn(Clock::time_point deadline);
  Result<Connection::Link> receive(Client& client);
  void take(Client& client, uint64_t id, json::Value response);
  Result<void> drain();

  Options options_;
  Dice dice_;
  Pace pace_ = Pace::kBursts;
  std::vector<Client> clients_;
  uint64_t last_id_ = 0;
  Clock::time_point compact_at_ = Clock::time_point::max();
  uint64_t compact_id_ = 0;  // of the request under way, or 0
  bool kill_waits_ = false;  // for its answer
  Compactions compactions_;
};

}  // namespace rstmdb::crash
