// Streams of events: when they are told, how much waits for one that does not read, how they end.
#include <gmock/gmock.h>

#include "gateway_fixture.h"

namespace rstmdb::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class StreamTest : public GatewayFixture {
 protected:
  /// One that is answered.
  std::unique_ptr<io::SimulatedPeer> watch(std::string_view target = "/v1/watch") {
    auto peer = join();
    peer->send(request("GET " + std::string(target)));
    EXPECT_THAT(heard(*peer), HasSubstr("event: watching"));
    peer->received().clear();
    return peer;
  }
};

class StreamGateTest : public StreamTest {
 protected:
  StreamGateTest() { commit_ = log::MemoryLog::Commit::kWhenTold; }
};

TEST_F(StreamGateTest, NothingIsToldBeforeItIsDurable) {
  start_both();
  auto peer = watch();
  auto writer = join();
  writer->send(go());
  heard(*writer);
  EXPECT_EQ(heard(*peer), "");
  log_->commit_flushed();
  EXPECT_THAT(heard(*peer), HasSubstr("\r\nid: 3\nevent: transition\ndata: {\"type\":\"event\""));
}

TEST_F(StreamGateTest, AStreamBeginsWhenWhatItStandsOnIsDurable) {
  start_both();
  auto writer = join();
  writer->send(go());
  heard(*writer);
  auto peer = join();
  peer->send(request("GET /v1/watch"));
  EXPECT_EQ(heard(*peer), "");
  writer->send(request("POST /v1/instances/i/events", R"({"event":"BACK"})"));
  log_->commit_flushed();
  loop_.run_for(1);
  log_->commit_flushed();
  const std::string& told = heard(*peer);
  EXPECT_THAT(told, HasSubstr("retry: 1000\nid: 3\nevent: watching\ndata: {\"subscription_id\""));
  EXPECT_THAT(told, HasSubstr("\nid: 4\n")) << told;
  EXPECT_THAT(told, HasSubstr("id: 4\nevent: transition\n"));
  EXPECT_EQ(gateway_->stats().streams_active, 1u);
}

TEST_F(StreamGateTest, AStreamThatBeginsBehindThePeersEndEndsAtOnce) {
  start_both();
  auto writer = join();
  writer->send(go());
  heard(*writer);
  auto peer = join();
  peer->send(request("GET /v1/watch"));
  EXPECT_EQ(heard(*peer), "");
  peer->finish();
  auto ahead = join();
  ahead->send(go() + request("GET /v1/watch"));
  EXPECT_EQ(heard(*ahead), "");
  ahead->finish();
  loop_.run_for(1);
  log_->commit_flushed();
  EXPECT_TRUE(over(*peer, 10));
  EXPECT_TRUE(over(*ahead, 10));
  EXPECT_EQ(gateway_->stats().streams_active, 0u);
  EXPECT_EQ(gateway_->stats().connections_active, 1u);
  EXPECT_EQ(node_->hub().stats().all_active, 0u);
}

TEST_F(StreamTest, AQuietStreamHasASignOfLife) {
  start_both();
  auto peer = watch();
  loop_.run_for(limits::kHttpHeartbeatMs - 1'000);
  EXPECT_EQ(peer->received(), "");
  loop_.run_for(2'500);
  EXPECT_EQ(peer->received(), "00000003\r\n:\n\n\r\n");
  loop_.run_for(limits::kHttpIdleTimeoutMs * 3);
  EXPECT_FALSE(peer->ended()) << "a stream is not idle";
}

TEST_F(StreamTest, OneThatDoesNotReadIsServedFromTheLogAndTakesNoMemory) {
  net_options_.window_bytes = 4'000;
  start_both();
  auto peer = watch();
  peer->pause();
  auto writer = connect();
  constexpr int kEvents = 2'000;
  const std::string filler(500, 'x');
  for (int n = 0; n < kEvents; ++n) {
    writer->send("e", "APPLY_EVENT",
                 std::string(R"({"instance_id":"i","event":")") + (n % 2 == 0 ? "GO" : "BACK") +
                     R"(","payload":{"t":")" + filler + R"("}})");
    ASSERT_THAT(writer->answer(), HasSubstr(R"("status":"ok")"));
  }
  EXPECT_EQ(node_->hub().stats().behind, 1u);
  EXPECT_LT(node_->hub().stats().pending_bytes, 10'000u);
  peer->resume();
  ASSERT_TRUE(loop_.run_until(
      [&] {
        return peer->received().contains("\nid: " + std::to_string(kEvents + 2) + "\n") ||
               peer->received().contains("id: " + std::to_string(kEvents + 2) + "\nevent");
      },
      60'000));
  size_t at = 0;
  for (int offset = 3; offset <= kEvents + 2; ++offset) {
    const size_t found = peer->received().find("id: " + std::to_string(offset) + "\nevent", at);
    ASSERT_NE(found, std::string::npos) << offset;
    at = found + 1;
  }
  loop_.run_for(10);
  EXPECT_EQ(node_->hub().stats().behind, 0u);
}

TEST_F(StreamTest, OneThatNeverReadsIsCutAfterTenMinutes) {
  net_options_.window_bytes = 2'000;
  start_both();
  auto peer = watch();
  peer->pause();
  auto writer = connect();
  for (int n = 0; n < 50; ++n) {
    writer->send(
        "e", "APPLY_EVENT",
        std::string(R"({"instance_id":"i","event":")") + (n % 2 == 0 ? "GO" : "BACK") + R"("})");
    writer->answer();
  }
  loop_.run_for(limits::kWatchStallTimeoutMs - 10'000);
  EXPECT_EQ(gateway_->stats().streams_active, 1u);
  ASSERT_TRUE(loop_.run_until([&] { return gateway_->stats().connections_active == 0; }, 15'000));
  EXPECT_EQ(node_->hub().stats().all_active, 0u);
  EXPECT_EQ(gateway_->stats().streams_active, 0u);
}

TEST_F(StreamTest, WhoGoesIsForgotten) {
  start_both();
  auto gone = watch();
  auto finished = watch();
  gone->close();
  finished->finish();
  loop_.run_for(1);
  EXPECT_EQ(node_->hub().stats().all_active, 0u);
  EXPECT_EQ(gateway_->stats().connections_active, 0u);
}

TEST_F(StreamTest, TheServersEndIsTheStreamsEnd) {
  start_both();
  auto peer = watch();
  bool done = false;
  gateway_->drain([&] { done = true; });
  loop_.run_for(1);
  EXPECT_EQ(peer->received(), "0\r\n\r\n");
  EXPECT_TRUE(peer->ended());
  EXPECT_TRUE(done);
}

TEST_F(StreamTest, RightsThatEndEndTheStream) {
  facts_.auth_required = true;
  facts_.credentials.add_token(sha256("old"), {.name = "o", .rights = api::Access::kAdmin});
  start_for_known();
  auto peer = join();
  peer->send(request("GET /v1/watch", "", "Authorization: Bearer old\r\n"));
  EXPECT_THAT(heard(*peer), HasSubstr("event: watching"));
  peer->received().clear();
  facts_.credentials = {};
  EXPECT_EQ(gateway_->credentials_changed(), 1u);
  EXPECT_THAT(heard(*peer), HasSubstr("event: error\ndata: {\"type\":\"urn:rstmdb:error:"
                                      "UNAUTHORIZED\",\"title\":\"Unauthorized\",\"status\":401"));
  EXPECT_THAT(peer->received(), HasSubstr("CREDENTIAL_REVOKED"));
  EXPECT_TRUE(peer->received().ends_with("\r\n0\r\n\r\n"));
  EXPECT_TRUE(peer->ended());
}

}  // namespace
}  // namespace rstmdb::http
