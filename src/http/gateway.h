// The gateway: the operations, health and the console over HTTP. Accepts connections up to the
// limit and keeps their sessions. On the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/context.h"
#include "base/result.h"
#include "http/gateway_session.h"
#include "http/refusals.h"
#include "http/roster.h"
#include "io/executor.h"
#include "io/net.h"

namespace rstmdb::http {

class Gateway final {
 public:
  struct Options {
    io::Loop& loop;
    io::Net& net;
    node::Node& node;
    const api::ServerFacts& facts;
    api::GuessLimits& guesses;  // shared with the other doors
    std::string address;        // "host:port"
    std::vector<Page> pages;    // asked for without a token
    std::span<const Asset> assets = {};
    size_t connections_max = limits::kHttpGatewayConnectionsMax;
  };

  static Result<std::unique_ptr<Gateway>> listen(Options options);
  ~Gateway();

  /// "127.0.0.1:8080", with the real port.
  const std::string& address() const { return listener_->address(); }
  /// Since listen().
  const GatewayStats& stats() const { return shared_.stats; }

  /// The facts' credentials have been replaced: ends the streams whose own do not count any more,
  /// and looks at everybody else anew. Returns how many have ended.
  size_t credentials_changed();

  /// Takes no more connections and requests, ends streams, lets every answer leave, then calls
  /// `done`. Connections that have not come to an end after limits::kDrainTimeoutMs are cut.
  void drain(std::move_only_function<void()> done);

 private:
  explicit Gateway(Options options);
  void on_accept(std::unique_ptr<io::Stream> stream);
  void on_ended(GatewaySession& session);
  void arm_tick();
  void tick();
  void finish_drain();

  io::Loop& loop_;
  const size_t connections_max_;
  GatewayShared shared_;
  Roster<GatewaySession> sessions_;
  Refusals refusals_;
  std::unique_ptr<io::Listener> listener_;
  io::Loop::TimerId tick_timer_ = 0;
  io::Loop::TimerId drain_timer_ = 0;
  std::move_only_function<void()> drained_;
};

}  // namespace rstmdb::http
