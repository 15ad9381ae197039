// What a session's times count: the peer's time, and not that in which the server does not read.
#include <gmock/gmock.h>

#include "server_fixture.h"

namespace rstmdb::server {
namespace {

using testing::HasSubstr;
using wire::Dialect;

constexpr std::string_view kFrontOfPing = R"({"type":"request","id":"p",)";
constexpr std::string_view kRestOfPing = "\"op\":\"PING\",\"params\":{}}\n";

class SessionTimesTest : public ServerFixture {
 protected:
  /// The loop is held up for `ms`. Then it reads `bytes` of `client`, looks at the times, and only
  /// then handles what it has read.
  void send_while_held_up(TestClient& client, std::string bytes, int64_t ms) {
    loop_.run_for(1);
    let_timers_go_first();
    loop_.post([this, &client, sent = std::move(bytes), ms] {
      client.peer().send(sent);
      loop_.pass(ms * 1'000'000);
    });
  }
};

TEST_F(SessionTimesTest, WhatHasArrivedIsHandledBeforeItIsCalledLate) {
  start();
  auto half = connect(Dialect::kJsonl);
  half->send("1", "PING");
  EXPECT_THAT(half->answer(), HasSubstr("pong"));
  half->peer().send(kFrontOfPing);
  send_while_held_up(*half, std::string(kRestOfPing), limits::kFrameTimeoutMs + 2'000);
  EXPECT_THAT(half->answer(), HasSubstr("pong"));

  auto first = connect(Dialect::kJsonl);
  send_while_held_up(*first, std::string(kFrontOfPing) + std::string(kRestOfPing),
                     limits::kHandshakeTimeoutMs + 2'000);
  EXPECT_THAT(first->answer(), HasSubstr("pong"));
}

TEST_F(SessionTimesTest, APauseInReadingIsNoTimeOfTheFrameBehindIt) {
  commit_ = log::MemoryLog::Commit::kWhenTold;
  start();
  prepare();
  auto whole = connect();
  auto never = connect();
  for (TestClient* client : {whole.get(), never.get()}) {
    client->send("w", "CREATE_INSTANCE", R"({"machine":"m","version":1})");
    client->send("h", "HELLO", R"({"wire_modes":["jsonl"]})");  // waits for the write
    client->peer().send(kFrontOfPing);                          // ... for what HELLO has asked
  }
  loop_.run_for(limits::kFrameTimeoutMs + 5'000);
  log_->commit_flushed();
  loop_.run_for(limits::kFrameTimeoutMs - 2'000);
  EXPECT_THAT(whole->answer(), HasSubstr(R"("id":"w")"));
  EXPECT_THAT(whole->answer(), HasSubstr(R"("wire_mode":"jsonl")"));
  whole->speak(Dialect::kJsonl);
  whole->peer().send(kRestOfPing);
  EXPECT_THAT(whole->answer(), HasSubstr("pong"));
  EXPECT_FALSE(never->peer().ended());
  loop_.run_for(4'000);
  EXPECT_TRUE(never->ended()) << "its time has begun anew, and is over";
}

}  // namespace
}  // namespace rstmdb::server
