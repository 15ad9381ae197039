// The RCP server: accepts connections up to the limit and keeps their sessions. On the loop's
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/context.h"
#include "io/executor.h"
#include "io/net.h"
#include "io/read_ahead.h"
#include "server/session.h"

namespace rstmdb::server {

class Server final : private SessionOwner {
 public:
  struct Options {
    io::Loop& loop;
    io::Net& net;
    node::Node& node;
    api::ServerFacts& facts;  // its connections() is set to this server's count
    std::string address;      // "host:port"
    size_t connections_max = limits::kConnectionsMaxDefault;
    int64_t idle_timeout_ms = limits::kIdleTimeoutMsDefault;
    io::Ahead ahead = io::Ahead::kInline;  // where pipelined requests are read
  };

  static Result<std::unique_ptr<Server>> listen(Options options);
  ~Server() override;

  /// "127.0.0.1:7401", with the real port.
  const std::string& address() const { return listener_->address(); }
  size_t connections() const { return served_; }
  /// Since listen().
  const Stats& stats() const { return stats_; }
  /// Of all doors: a guess is one wherever it is made.
  api::GuessLimits& guesses() { return guesses_; }

  /// The facts' credentials have been replaced: ends the sessions whose own do not count any more.
  /// Returns how many.
  size_t credentials_changed();

  /// Takes no more connections and requests, lets every answer leave, then calls `done`.
  /// Connections that have not come to an end after limits::kDrainTimeoutMs are cut.
  void drain(std::move_only_function<void()> done);

 private:
  explicit Server(Options options);
  void on_accept(std::unique_ptr<io::Stream> stream);
  void on_arrived(Session& session) override;
  void handle_arrived();
  void on_ended(Session& session) override;
  std::string& spare_output() override { return spare_output_; }
  void post(void (Server::*task)());
  void bury_ended();
  void tick();
  void arm_tick();
  void finish_drain();
  /// A copy to walk over: ending a session takes it out of the map.
  std::vector<Session*> all_sessions() const;

  Options options_;
  api::GuessLimits guesses_;
  std::string spare_output_;
  std::unique_ptr<io::Listener> listener_;
  ReadAheads aheads_;
  StretchReader stretches_;
  // By number: a walk over them takes the same order in each run of a simulation.
  std::map<uint64_t, std::unique_ptr<Session>> sessions_;
  std::vector<Session*> arrived_;  // have something to be handled; null: has ended since
  std::vector<std::unique_ptr<Session>> ended_;
  Stats stats_;
  size_t served_ = 0;   // sessions that are not refusals
  size_t refused_ = 0;  // sessions that are
  io::Loop::TimerId tick_timer_ = 0;
  io::Loop::TimerId drain_timer_ = 0;
  std::move_only_function<void()> drained_;
  /// What is posted to the loop may come after the server.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace rstmdb::server
