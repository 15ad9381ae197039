// The HTTP door on a simulated network: what goes over the wire, and what ends a connection.
#include "http/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/limits.h"
#include "io/simulated_loop.h"
#include "io/simulated_net.h"

namespace rstmdb::http {
namespace {

using io::SimulatedPeer;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

class DoorTest : public testing::Test {
 protected:
  io::SimulatedNet::Options net_options_;
  std::string body_ = "hello";
  int made_ = 0;

  void start() {
    net_ = std::make_unique<io::SimulatedNet>(loop_, net_options_);
    door_ = Door::listen({.loop = loop_,
                          .net = *net_,
                          .clock = clock_,
                          .address = "127.0.0.1:9090",
                          .pages = {{"/page",
                                     [this] {
                                       ++made_;
                                       return Response{.body = body_};
                                     }}}})
                .value();
  }
  std::unique_ptr<SimulatedPeer> connect() { return net_->connect("127.0.0.1:9090").value(); }
  bool over(SimulatedPeer& peer, int64_t within_ms = 30'000) {
    return loop_.run_until([&] { return peer.ended() || peer.was_reset(); }, within_ms);
  }
  bool answered(SimulatedPeer& peer) {
    return loop_.run_until([&] { return peer.received().ends_with(body_); }, 1'000);
  }
  /// Everything that comes back for `bytes` until the door closes.
  std::string whole_answer(std::string_view bytes) {
    auto peer = connect();
    peer->send(bytes);
    EXPECT_TRUE(over(*peer, 5'000)) << bytes;
    return peer->received();
  }

  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  std::unique_ptr<io::SimulatedNet> net_;
  std::unique_ptr<Door> door_;
};

TEST_F(DoorTest, OneConnectionAsksManyTimes) {
  net_options_.slice_bytes_max = 3;
  net_options_.delay_ms_max = 2;
  start();
  auto peer = connect();
  for (int i = 1; i <= 5; ++i) {
    peer->send(kGet);
    ASSERT_TRUE(
        loop_.run_until([&] { return peer->received().ends_with("\r\n\r\nhello"); }, 5'000));
    EXPECT_THAT(peer->received(), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(peer->received(), HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
    peer->received().clear();
  }
  EXPECT_EQ(made_, 5);
  EXPECT_EQ(door_->stats().requests, 5u);
  EXPECT_EQ(door_->stats().connections, 1u);
}

TEST_F(DoorTest, UnknownPathsAndMethodsAreAnsweredAndTheConnectionGoesOn) {
  start();
  auto peer = connect();
  const auto ask = [&](std::string_view line) {
    peer->received().clear();
    peer->send(std::string(line) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    loop_.run_for(10);
    return peer->received();
  };
  EXPECT_THAT(ask("GET /other"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /page"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("POST /page"), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(ask("BREW /page"), StartsWith("HTTP/1.1 405 "));
  const std::string head = ask("HEAD /page");
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_THAT(ask("GET /page?x=1"), HasSubstr("hello"));
  EXPECT_FALSE(peer->ended());
}

TEST_F(DoorTest, AskingForTheEndGetsIt) {
  start();
  const std::string close =
      whole_answer("GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(close, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(close.ends_with("hello"));
  EXPECT_TRUE(whole_answer("GET /page HTTP/1.0\r\n\r\n").ends_with("hello"));
  auto peer = connect();
  peer->send("GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(answered(*peer));
  EXPECT_THAT(peer->received(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(peer->ended());
}

TEST_F(DoorTest, ASecondRequestBehindTheFirstWaitsForItsAnswer) {
  start();
  const std::string close = "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string answers = whole_answer(std::string(kGet) + close + std::string(kGet));
  EXPECT_EQ(made_, 2) << "and nothing after the last";
  const size_t second = answers.find("HTTP/1.1 200 OK", 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(answers.substr(second), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(DoorTest, WhatCannotBeTrustedIsAnsweredOnceAndClosed) {
  start();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"GET /page HTTP/1.1\nHost: a\n\n", "400"},
      {"GET /page HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "400"},
      {"GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400"},
      {"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "413"},
      {"GET /page HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
      {"GET /page HTTP/1.1\r\n\r\n", "400"},
      {std::string(limits::kHttpHeadBytesMax + 1, 'x'), "431"},
  };
  for (const auto& [bytes, status] : cases) {
    const std::string answer = whole_answer(bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status + " ")) << bytes.substr(0, 100);
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "one answer only";
  }
  EXPECT_EQ(made_, 0);
}

TEST_F(DoorTest, SlowAndSilentClientsEnd) {
  start();
  auto silent = connect();
  auto slow = connect();
  auto quiet = connect();
  quiet->send(kGet);
  for (int i = 0; i < 9; ++i) {
    slow->send("G");
    loop_.run_for(1'000);
  }
  EXPECT_FALSE(silent->ended());
  EXPECT_FALSE(slow->ended());
  slow->send("G");
  ASSERT_TRUE(over(*silent, 3'000));
  ASSERT_TRUE(over(*slow, 3'000));
  ASSERT_TRUE(over(*quiet, 3'000)) << "nothing asked since the last answer";
  EXPECT_EQ(silent->received(), "");
  EXPECT_THAT(slow->received(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(door_->stats().connections, 0u);
}

TEST_F(DoorTest, AClientThatReadsNothingIsCut) {
  net_options_.window_bytes = 1'000;
  body_.assign(50'000, 'x');
  start();
  auto peer = connect();
  peer->pause();
  peer->send(kGet);
  loop_.run_for(limits::kHttpTimeoutMs - 1'000);
  EXPECT_EQ(door_->stats().connections, 1u);
  ASSERT_TRUE(loop_.run_until([&] { return door_->stats().connections == 0; }, 3'000));
}

TEST_F(DoorTest, ALongPageLeavesInPieces) {
  net_options_.window_bytes = 1'000;
  net_options_.slice_bytes_max = 700;
  body_.assign(50'000, 'x');
  start();
  auto peer = connect();
  peer->send(kGet);
  ASSERT_TRUE(answered(*peer));
  EXPECT_THAT(peer->received(), HasSubstr("\r\nContent-Length: 50000\r\n"));
  const size_t head = peer->received().find("\r\n\r\n") + 4;
  EXPECT_EQ(peer->received().size() - head, 50'000u);
  peer->received().clear();
  peer->send(kGet);
  ASSERT_TRUE(answered(*peer)) << "the connection goes on behind it";
}

TEST_F(DoorTest, AHalfClosedConnectionGetsItsAnswer) {
  net_options_.window_bytes = 1'000;
  body_.assign(5'000, 'x');
  start();
  auto peer = connect();
  peer->send(kGet);
  peer->finish();
  ASSERT_TRUE(answered(*peer));
  ASSERT_TRUE(over(*peer));
  EXPECT_TRUE(peer->ended());
}

TEST_F(DoorTest, OneTooManyIsToldSoAndThePlaceComesBack) {
  start();
  std::vector<std::unique_ptr<SimulatedPeer>> peers;
  for (size_t i = 0; i < limits::kHttpConnectionsMax; ++i) peers.push_back(connect());
  loop_.run_for(1);
  EXPECT_EQ(door_->stats().connections, limits::kHttpConnectionsMax);
  auto more = connect();
  ASSERT_TRUE(over(*more, 100));
  EXPECT_THAT(more->received(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(door_->stats().refused, 1u);
  peers.front()->send(kGet);
  ASSERT_TRUE(answered(*peers.front())) << "the others are served";
  peers.back()->reset();
  peers.pop_back();
  ASSERT_TRUE(loop_.run_until(
      [&] { return door_->stats().connections < limits::kHttpConnectionsMax; }, 1'000));
  auto again = connect();
  again->send(kGet);
  EXPECT_TRUE(answered(*again));
}

TEST_F(DoorTest, ADoorThatIsGoneLeavesNothingBehind) {
  start();
  auto peer = connect();
  peer->send("GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(answered(*peer));
  auto other = connect();
  other->send("nonsense\n");
  loop_.run_for(1);
  door_.reset();
  loop_.run_for(30'000);
  EXPECT_TRUE(peer->ended());
}

}  // namespace
}  // namespace rstmdb::http
