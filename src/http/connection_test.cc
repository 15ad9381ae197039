// A connection whose requests are answered when the test says so, on a simulated network.
#include "http/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/simulated_loop.h"
#include "io/simulated_net.h"

namespace rstmdb::http {
namespace {

using testing::ElementsAre;

constexpr int64_t kLongMs = 3'600'000;
constexpr int64_t kBodyMs = 30'000;

class LateHandler final : public Handler {
 public:
  std::expected<size_t, Response> on_head(const Request&) override { return size_t{1'000}; }
  void on_request(const Request& request, std::string_view body) override {
    asked.push_back(std::string(request.path) + std::string(body));
  }
  Response refuse(const Refusal& refusal) override {
    asked.push_back("refused");
    return {.status = refusal.status};
  }
  void on_ended() override {}

  std::vector<std::string> asked;
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = net_.listen("127.0.0.1:1",
                            [this](std::unique_ptr<io::Stream> stream) {
                              connection_ = std::make_unique<Connection>(
                                  Connection::Options{.handler = handler_,
                                                      .clock = clock_,
                                                      .date = date_,
                                                      .stream = std::move(stream),
                                                      .timeouts = {.idle_ms = kLongMs,
                                                                   .head_ms = kLongMs,
                                                                   .body_ms = kBodyMs,
                                                                   .stall_ms = kLongMs,
                                                                   .stream_ms = kLongMs}});
                              connection_->start();
                            })
                    .value();
    peer_ = net_.connect("127.0.0.1:1").value();
    loop_.run_for(10);
    ASSERT_NE(connection_, nullptr);
  }
  void send(const std::string& bytes) {
    peer_->send(bytes);
    loop_.run_for(10);
  }
  void answer() {
    connection_->answer({.status = 200});
    loop_.run_for(10);
  }
  void wait(int64_t duration_ms) {
    loop_.run_for(duration_ms);
    connection_->check_timeouts(clock_.steady_ns() / 1'000'000);
    loop_.run_for(10);
  }

  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  io::SimulatedNet net_{loop_};
  DateLine date_;
  LateHandler handler_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<io::SimulatedLink> peer_;
};

TEST_F(ConnectionTest, WhatIsSentBehindRequestsThatWaitedIsReadAndNothingTwice) {
  send(get("/1") + get("/2"));
  answer();  // and takes up the second, while the next bytes are awaited behind it
  answer();
  send(get("/3"));
  answer();
  send(post("/4", "four") + post("/5", "five") + get("/6"));
  answer();
  answer();
  answer();
  send(get("/7"));
  EXPECT_THAT(handler_.asked, ElementsAre("/1", "/2", "/3", "/4four", "/5five", "/6", "/7"));
}

TEST_F(ConnectionTest, RequestsThatArriveInPiecesWhileOthersWaitAreWhole) {
  const std::string third = post("/3", "three");
  send(get("/1") + get("/2") + third.substr(0, 20));
  answer();
  answer();
  send(third.substr(20));
  answer();
  EXPECT_THAT(handler_.asked, ElementsAre("/1", "/2", "/3three"));
}

TEST_F(ConnectionTest, TheTimeForABodyBeginsWhenItsHeadIsLookedAt) {
  const std::string second = post("/2", "two");
  send(get("/1") + second.substr(0, second.size() - 1));
  wait(kBodyMs + 10'000);  // for which the first one is at work
  answer();
  wait(kBodyMs - 1'000);
  EXPECT_THAT(handler_.asked, ElementsAre("/1"));
  send(second.substr(second.size() - 1));
  answer();
  EXPECT_THAT(handler_.asked, ElementsAre("/1", "/2two"));
  send(post("/3", "three").substr(0, second.size()));
  wait(kBodyMs + 1'000);
  EXPECT_THAT(handler_.asked, ElementsAre("/1", "/2two", "refused"));
}

}  // namespace
}  // namespace rstmdb::http
