// A server in memory with both doors, and a client of its gateway.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/gateway.h"
#include "server_fixture.h"

namespace rstmdb::http {

class GatewayFixture : public server::ServerFixture {
 protected:
  static constexpr std::string_view kAddress = "127.0.0.1:8080";

  void start_both() {
    start_for_known();
    prepare();
  }
  /// Without preparing anything, for which nobody may have the rights.
  void start_for_known() {
    start();
    gateway_ = Gateway::listen({.loop = loop_,
                                .net = *net_,
                                .node = *node_,
                                .facts = facts_,
                                .guesses = server_->guesses(),
                                .address = std::string(kAddress),
                                .pages = {{"/page", [] { return Response{.body = "{}"}; }}},
                                .assets = assets_,
                                .connections_max = connections_max_})
                   .value();
  }
  void TearDown() override {
    gateway_.reset();
    server::ServerFixture::TearDown();
  }

  std::unique_ptr<io::SimulatedPeer> join() { return net_->connect(kAddress).value(); }

  static std::string request(std::string_view line, std::string_view body = "",
                             std::string_view fields = "") {
    std::string text = std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n";
    text.append(fields);
    if (!body.empty())
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n";
    return text.append("\r\n").append(body);
  }
  static std::string go(std::string_view fields = "") {
    return request("POST /v1/instances/i/events", R"({"event":"GO"})", fields);
  }

  /// Everything that has come once all that can happen now has happened.
  std::string& heard(io::SimulatedPeer& peer) {
    loop_.run_for(1);
    return peer.received();
  }
  /// The answer on a connection of its own.
  std::string answer(const std::string& text) {
    auto peer = join();
    peer->send(text);
    return heard(*peer);
  }
  bool over(io::SimulatedPeer& peer, int64_t within_ms) {
    return loop_.run_until([&] { return peer.ended() || peer.was_reset(); }, within_ms);
  }

  std::vector<Asset> assets_;
  std::unique_ptr<Gateway> gateway_;
};

}  // namespace rstmdb::http
