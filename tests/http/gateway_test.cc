// What leaves the gateway when, and what ends its connections.
#include <gmock/gmock.h>

#include "gateway_fixture.h"

namespace rstmdb::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class GatewayTest : public GatewayFixture {};

class GatewayGateTest : public GatewayFixture {
 protected:
  GatewayGateTest() { commit_ = log::MemoryLog::Commit::kWhenTold; }
};

TEST_F(GatewayGateTest, AWriteIsAnsweredWhenItIsDurableAndNotBefore) {
  start_both();
  auto peer = join();
  peer->send(go() + request("GET /v1/ping"));
  EXPECT_EQ(heard(*peer), "");
  log_->commit_flushed();
  const std::string& both = heard(*peer);
  EXPECT_THAT(both, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(both, HasSubstr(R"("to_state":"b")"));
  EXPECT_THAT(both, HasSubstr("pong")) << "which has waited for the answer before it";
}

/// The room for it had been given away before those in front of it were answered.
TEST_F(GatewayGateTest, WhatComesBehindRequestsThatWaitedIsReadAndNothingIsDoneTwice) {
  start_both();
  auto peer = join();
  peer->send(go() + request("POST /v1/instances", R"({"machine":"m","version":1,"id":"n"})"));
  EXPECT_EQ(heard(*peer), "");
  log_->commit_flushed();
  EXPECT_THAT(heard(*peer), HasSubstr(R"("to_state":"b")"));
  log_->commit_flushed();
  EXPECT_THAT(heard(*peer), HasSubstr("HTTP/1.1 201 Created"));
  peer->received().clear();
  const std::string pad = "X-Pad: " + std::string(200, 'x') + "\r\n";
  peer->send(request("GET /v1/instances/i", "", pad));
  EXPECT_THAT(heard(*peer), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(heard(*peer), HasSubstr(R"("state":"b")"));
}

TEST_F(GatewayGateTest, BothDoorsShareOneCommit) {
  start_both();
  auto rcp = connect();
  auto peer = join();
  rcp->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  peer->send(request("POST /v1/instances", R"({"machine":"m","version":1,"id":"n"})"));
  EXPECT_FALSE(rcp->has_answer());
  EXPECT_EQ(heard(*peer), "");
  log_->commit_flushed();
  EXPECT_THAT(rcp->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_THAT(heard(*peer), StartsWith("HTTP/1.1 201 Created\r\n"));
}

TEST_F(GatewayGateTest, WhatIsReadWaitsForWhatItShows) {
  start_both();
  auto writer = join();
  auto reader = join();
  auto other = join();
  writer->send(go());
  EXPECT_EQ(heard(*writer), "");
  reader->send(request("GET /v1/instances/i"));
  other->send(request("GET /v1/instances/nobody"));
  EXPECT_EQ(heard(*reader), "");
  EXPECT_EQ(heard(*other), "") << "that it is not there may be undone as well";
  log_->commit_flushed();
  EXPECT_THAT(heard(*reader), HasSubstr(R"("state":"b")"));
  EXPECT_THAT(heard(*other), StartsWith("HTTP/1.1 404 "));
}

TEST_F(GatewayGateTest, ADeadDiskIsToldToEveryWaiterAndEndsWritingNotReading) {
  start_both();
  auto clean = join();
  clean->send(request("POST /v1/instances", R"({"machine":"m","version":1,"id":"clean"})"));
  heard(*clean);
  log_->commit_flushed();
  auto writer = join();
  auto watcher = join();
  writer->send(go("Connection: keep-alive\r\n") + request("GET /v1/instances/clean"));
  heard(*writer);
  watcher->send(request("GET /v1/instances/i/watch"));
  EXPECT_EQ(heard(*watcher), "");
  log_->fail(Error(Code::kWalIoError, "no space").with("path", "/secret/place"));
  const std::string& told = heard(*writer);
  EXPECT_THAT(told, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(told, HasSubstr(R"("code":"WAL_IO_ERROR","retryable":true)"));
  EXPECT_THAT(told, HasSubstr(R"("state":"a")")) << "the read behind it";
  EXPECT_THAT(told, Not(HasSubstr("secret")));
  EXPECT_THAT(heard(*watcher), StartsWith("HTTP/1.1 503 ")) << "no stream has begun";
  EXPECT_THAT(answer(go()), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(node_->hub().stats().instance_active, 0u);
  EXPECT_EQ(gateway_->stats().streams_active, 0u);
}

TEST_F(GatewayGateTest, TheEndWaitsForAnswersAndNotForWhoIsIdle) {
  start_both();
  auto idle = join();
  auto half = join();
  auto writer = join();
  idle->send(request("GET /v1/ping"));
  half->send("GET /v1/pi");
  writer->send(go());
  heard(*writer);
  bool done = false;
  gateway_->drain([&] { done = true; });
  loop_.run_for(1);
  EXPECT_TRUE(idle->ended());
  EXPECT_TRUE(half->ended());
  EXPECT_FALSE(done);
  EXPECT_FALSE(net_->connect(kAddress).ok());
  log_->commit_flushed();
  EXPECT_THAT(heard(*writer), HasSubstr(R"("to_state":"b")"));
  EXPECT_TRUE(writer->ended());
  EXPECT_TRUE(done);
}

TEST_F(GatewayGateTest, WhoDoesNotComeToAnEndIsCut) {
  start_both();
  auto writer = join();
  writer->send(go());
  heard(*writer);
  bool done = false;
  gateway_->drain([&] { done = true; });
  loop_.run_for(limits::kDrainTimeoutMs - 10);
  EXPECT_FALSE(done);
  loop_.run_for(20);
  EXPECT_TRUE(done);
  EXPECT_TRUE(writer->was_reset());
}

TEST_F(GatewayTest, SilenceAndSlownessEnd) {
  start_both();
  auto silent = join();
  auto head = join();
  auto body = join();
  auto idle = join();
  head->send("GET /v1/ping HT");
  body->send(request("POST /v1/compact", "",
                     "Content-Type: application/json\r\n"
                     "Content-Length: 9\r\n"));
  idle->send(request("GET /v1/ping"));
  loop_.run_for(limits::kHttpTimeoutMs - 500);
  EXPECT_FALSE(silent->ended() || head->ended());
  ASSERT_TRUE(over(*silent, 2'000));
  ASSERT_TRUE(over(*head, 2'000));
  EXPECT_EQ(silent->received(), "");
  EXPECT_THAT(head->received(), StartsWith("HTTP/1.1 408 "));
  loop_.run_for(limits::kHttpBodyTimeoutMs - limits::kHttpTimeoutMs - 2'500);
  EXPECT_FALSE(body->ended());
  ASSERT_TRUE(over(*body, 4'000));
  EXPECT_THAT(body->received(), StartsWith("HTTP/1.1 408 "));
  loop_.run_for(limits::kHttpIdleTimeoutMs - limits::kHttpBodyTimeoutMs - 4'500);
  EXPECT_FALSE(idle->ended());
  ASSERT_TRUE(over(*idle, 6'000));
  EXPECT_EQ(gateway_->stats().connections_active, 0u);
}

TEST_F(GatewayTest, WhoTakesNoAnswerIsCut) {
  net_options_.window_bytes = 100;
  start_both();
  auto peer = join();
  peer->pause();
  peer->send(request("GET /v1/machines/m"));
  loop_.run_for(limits::kWriteStallTimeoutMs - 1'000);
  EXPECT_EQ(gateway_->stats().connections_active, 1u);
  EXPECT_TRUE(loop_.run_until([&] { return gateway_->stats().connections_active == 0; }, 3'000));
}

TEST_F(GatewayTest, OneConnectionTooManyIsTold) {
  connections_max_ = 2;
  start_both();
  auto one = join();
  auto two = join();
  loop_.run_for(1);
  auto three = join();
  EXPECT_THAT(heard(*three), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(three->received(), HasSubstr("TOO_MANY_CONNECTIONS"));
  EXPECT_TRUE(three->ended());
  two->close();
  loop_.run_for(1);
  EXPECT_THAT(answer(request("GET /v1/ping")), HasSubstr("pong"));
  EXPECT_EQ(gateway_->stats().connections_refused, 1u);
}

TEST_F(GatewayTest, AnswersAreCountedByOperationAndClass) {
  start_both();
  answer(request("GET /v1/instances/i") + request("GET /v1/instances/none") +
         request("GET /v1/instances/i"));
  answer(request("GET /page"));
  answer("nonsense\r\n\r\n");
  const GatewayStats& stats = gateway_->stats();
  const auto get = static_cast<size_t>(api::Operation::kGetInstance);
  EXPECT_EQ(stats.answers[get], (GatewayStats::Answers{0, 0, 2, 0, 1, 0}));
  EXPECT_EQ(stats.operations[get].duration_ns.count(), 3u);
  EXPECT_EQ(stats.answers[api::kUnknownOperation], (GatewayStats::Answers{0, 0, 1, 0, 1, 0}));
}

TEST_F(GatewayTest, FilesAreServedAsTheyAreOrPacked) {
  assets_ = {{"/", "text/html; charset=utf-8", "\"1\"", "<html>", "PACKED"},
             {"/assets/a-1.js", "text/javascript", "\"2\"", "js", "", Asset::Life::kForever}};
  start_both();
  const std::string plain = answer(request("GET /"));
  EXPECT_THAT(plain, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(plain.ends_with("\r\n\r\n<html>"));
  for (const char* field :
       {"Content-Type: text/html; charset=utf-8", "ETag: \"1\"", "Cache-Control: no-cache",
        "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'",
        "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff", "Vary: Accept-Encoding"})
    EXPECT_THAT(plain, HasSubstr("\r\n" + std::string(field) + "\r\n"));
  EXPECT_THAT(plain, Not(HasSubstr("Content-Encoding")));
  const std::string packed = answer(request("GET /", "", "Accept-Encoding: br, gzip\r\n"));
  EXPECT_TRUE(packed.ends_with("\r\n\r\nPACKED"));
  EXPECT_THAT(packed, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_THAT(packed, HasSubstr("\r\nETag: \"1-gzip\"\r\n"));
  EXPECT_THAT(answer(request("GET /", "", "If-None-Match: \"1\"\r\n")),
              StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(answer(request("GET /", "", "If-None-Match: \"1-gzip\"\r\n")),
              StartsWith("HTTP/1.1 200 "));
  const std::string head = answer(request("HEAD /"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  const std::string script =
      answer(request("GET /assets/a-1.js?x", "", "Accept-Encoding: gzip\r\n"));
  EXPECT_THAT(script, HasSubstr("\r\nCache-Control: public, max-age=31536000, immutable\r\n"));
  EXPECT_TRUE(script.ends_with("\r\n\r\njs"));
  EXPECT_THAT(answer(request("POST /")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer(request("GET /assets/b.js")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(GatewayTest, WithoutFilesThereIsNothingAtTheRoot) {
  start_both();
  EXPECT_THAT(answer(request("GET /")), StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace rstmdb::http
