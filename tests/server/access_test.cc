// Who may do what on a whole server: tokens, roles, expiry, revocation, guessing, and what a
// connection may do before anybody knows who it is.
#include <gmock/gmock.h>

#include "api/ops/ops.h"
#include "server_fixture.h"

namespace rstmdb::server {
namespace {

using api::Access;
using testing::HasSubstr;
using testing::Not;
using wire::Dialect;

/// What an operation that neither watches nor answers later is given.
class NoConnection final : public watch::Watcher {
 public:
  bool make_room() override { return false; }
  void deliver(const watch::Notification&) override {}
  void push() override {}
  void flush() override {}
  void on_lost(const Error&) override {}
};
class NeverLater final : public api::Later {
 public:
  std::unique_ptr<Owed> promise() override {
    ADD_FAILURE() << "answers at once";
    return nullptr;
  }
};

class AccessTest : public ServerFixture {
 protected:
  AccessTest() {
    facts_.auth_required = true;
    connections_max_ = 100;
    know("right", {"owner", Access::kAdmin, 0});
    know("write", {"writer", Access::kWrite, 0});
    know("read", {"reader", Access::kRead, 0});
  }
  void know(std::string_view token, const api::Principal& principal) {
    facts_.credentials.add_token(sha256(token), principal);
  }
  static std::string token(std::string_view text) {
    return R"({"token":")" + std::string(text) + "\"}";
  }
  std::unique_ptr<TestClient> connect_as(std::string_view text) {
    auto client = connect();
    client->send("auth", "AUTH", token(text));
    EXPECT_THAT(client->answer(), HasSubstr(R"("authenticated":true)"));
    return client;
  }
};

TEST_F(AccessTest, AuthenticationGuardsEverythingButTheFirstSteps) {
  start();
  auto client = connect();
  client->send("1", "INFO");
  EXPECT_THAT(client->answer(), HasSubstr("UNAUTHORIZED"));
  client->send("2", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
  client->send("3", "AUTH", token("wrong"));
  EXPECT_THAT(client->answer(), HasSubstr("AUTH_FAILED"));
  client->send("4", "AUTH", token("right"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("authenticated":true)"));
  client->send("5", "PUT_MACHINE", kMachine);
  EXPECT_THAT(client->answer(), HasSubstr(R"("created":true)"));
  client->send("6", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("actor":"owner")"));
}

TEST_F(AccessTest, FiveWrongTokensEndAConnection) {
  start();
  auto guesser = connect();
  for (int i = 0; i < limits::kAuthFailuresMax; ++i) {
    EXPECT_FALSE(guesser->peer().ended());
    guesser->send("1", "AUTH", token("wrong"));
    EXPECT_THAT(guesser->answer(), HasSubstr("AUTH_FAILED"));
  }
  EXPECT_TRUE(guesser->ended());
}

TEST_F(AccessTest, BeforeAuthenticationFramesAreSmall) {
  start();
  auto client = connect();
  client->send("1", "PING", R"({"x":")" + std::string(70'000, 'x') + "\"}");
  EXPECT_THAT(client->answer(), HasSubstr("BAD_REQUEST"));
  EXPECT_TRUE(client->ended());

  auto known = connect_as("right");
  known->send("2", "PING", R"({"x":")" + std::string(3'000'000, 'x') + "\"}");
  EXPECT_THAT(known->answer(), HasSubstr("pong"));
  known->send("3", "PING");
  EXPECT_THAT(known->answer(), HasSubstr("pong"));
}

TEST_F(AccessTest, BeforeAuthenticationRequestsAreFew) {
  start();
  for (const Dialect dialect : {Dialect::kRcpx, Dialect::kRcp1, Dialect::kJsonl}) {
    auto client = connect(dialect);
    for (int i = 1; i < limits::kRequestsBeforeAuthMax; ++i) {
      client->send("p", "PING");
      EXPECT_THAT(client->answer(), HasSubstr("pong"));
    }
    client->send_payload("nonsense counts, too");
    EXPECT_THAT(client->answer(), HasSubstr("BAD_REQUEST"));
    EXPECT_FALSE(client->peer().ended());
    client->send("auth", "AUTH", token("right"));
    const std::string last = client->answer();
    EXPECT_THAT(last, HasSubstr(R"("id":"","status":"error")"));
    EXPECT_THAT(last, HasSubstr(R"("code":"TOO_MANY_REQUESTS")"));
    EXPECT_TRUE(client->ended());
  }
  auto in_time = connect();
  for (int i = 1; i < limits::kRequestsBeforeAuthMax; ++i) in_time->send("p", "PING");
  in_time->send("auth", "AUTH", token("right"));
  for (int i = 1; i < limits::kRequestsBeforeAuthMax; ++i) in_time->answer();
  EXPECT_THAT(in_time->answer(), HasSubstr("authenticated"));
  for (int i = 0; i < 2 * limits::kRequestsBeforeAuthMax; ++i) {
    in_time->send("p", "PING");
    EXPECT_THAT(in_time->answer(), HasSubstr("pong"));
  }
}

TEST_F(AccessTest, TheTimeForTheHandshakeRunsUntilAuthentication) {
  start();
  auto client = connect();
  auto known = connect_as("read");
  for (int64_t waited = 0; waited < limits::kHandshakeTimeoutMs; waited += 2'000) {
    client->send("p", "PING");
    EXPECT_THAT(client->answer(), HasSubstr("pong"));
    loop_.run_for(2'000);
  }
  loop_.run_for(2'000);
  EXPECT_TRUE(client->ended());
  EXPECT_FALSE(known->peer().ended());
}

TEST_F(AccessTest, ARoleMayDoWhatItsRowsSayAndIsToldWhatIsMissing) {
  start();
  auto owner = connect_as("right");
  auto writer = connect_as("write");
  auto reader = connect_as("read");
  for (TestClient* client : {reader.get(), writer.get(), owner.get()}) {
    client->send("1", "INFO");
    EXPECT_THAT(client->answer(), HasSubstr("server_name"));
  }
  reader->send("2", "PUT_MACHINE", kMachine);
  EXPECT_THAT(reader->answer(),
              HasSubstr(R"("details":{"op":"PUT_MACHINE","code":"FORBIDDEN","required":"write"})"));
  writer->send("2", "PUT_MACHINE", kMachine);
  EXPECT_THAT(writer->answer(), HasSubstr(R"("created":true)"));
  writer->send("3", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(writer->answer(), HasSubstr(R"("required":"admin")"));
  owner->send("3", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(owner->answer(), HasSubstr(R"("actor":"writer")"));
  // Whoever cannot see an operation learns nothing of what it would have done.
  reader->send("4", "DELETE_INSTANCE", R"({"instance_id":"nothing"})");
  EXPECT_THAT(reader->answer(), HasSubstr("FORBIDDEN"));
  reader->send("5", "DELETE_INSTANCE", R"({"instance_id":7})");
  EXPECT_THAT(reader->answer(), HasSubstr("FORBIDDEN"));
}

TEST_F(AccessTest, ABatchAsksForEachOfItsOperations) {
  start();
  // The table asks for the same right for BATCH, so this goes past it, straight to the operation.
  for (const Access rights : {Access::kNone, Access::kRead, Access::kWrite}) {
    for (const char* mode : {"atomic", "best_effort"}) {
      json::Document request;
      const std::string text =
          R"({"mode":")" + std::string(mode) +
          R"(","ops":[{"op":"DELETE_INSTANCE","params":{"instance_id":"x"}}]})";
      ASSERT_TRUE(request.parse(text).ok());
      const api::OperationRow& row = *api::find_operation("BATCH");
      const auto params = api::Params::bind(row, request.root());
      ASSERT_TRUE(params.ok());
      api::Caller caller;
      caller.rights = rights;
      api::GuessLimits guesses;
      std::string out;
      json::Writer writer(out);
      writer.open_object();
      NoConnection connection;
      NeverLater later;
      const auto done =
          api::batch({*node_, facts_, caller, guesses, connection, later}, *params, writer);
      const std::string said = out + (done.ok() ? "" : done.error().to_string());
      EXPECT_EQ(said.find("UNAUTHORIZED") != std::string::npos, rights != Access::kWrite) << said;
      EXPECT_EQ(said.find("INSTANCE_NOT_FOUND") != std::string::npos, rights == Access::kWrite);
    }
  }
}

TEST_F(AccessTest, AnExpiredTokenIsRefusedAndALivingSessionEndsOnTime) {
  const int64_t now = clock_.wall_ms();
  know("short", {"guest", Access::kRead, now + 5'000});
  know("old", {"past", Access::kRead, now});
  start();
  auto late = connect();
  late->send("1", "AUTH", token("old"));
  EXPECT_THAT(late->answer(), HasSubstr(R"("code":"CREDENTIAL_EXPIRED")"));
  late->send("2", "INFO");
  EXPECT_THAT(late->answer(), HasSubstr("UNAUTHORIZED"));

  auto guest = connect_as("short");
  loop_.run_for(3'900);
  guest->send("3", "INFO");
  EXPECT_THAT(guest->answer(), HasSubstr("server_name"));
  loop_.run_for(2'100);
  const std::string last = guest->answer();
  EXPECT_THAT(last, HasSubstr(R"("id":"","status":"error")"));
  EXPECT_THAT(last, HasSubstr(R"("code":"CREDENTIAL_EXPIRED")"));
  EXPECT_TRUE(guest->ended());
}

TEST_F(AccessTest, AReloadEndsTheSessionsWhoseCredentialIsGoneOrAnother) {
  know("renamed", {"old name", Access::kRead, 0});
  know("demoted", {"d", Access::kAdmin, 0});
  start();
  auto kept = connect_as("read");
  auto gone = connect_as("write");
  auto renamed = connect_as("renamed");
  auto demoted = connect_as("demoted");
  auto unknown = connect();
  unknown->send("1", "PING");
  EXPECT_THAT(unknown->answer(), HasSubstr("pong"));
  facts_.credentials = {};
  know("read", {"reader", Access::kRead, 0});
  know("renamed", {"new name", Access::kRead, 0});
  know("demoted", {"d", Access::kRead, 0});
  know("new", {"n", Access::kAdmin, 0});
  EXPECT_EQ(server_->credentials_changed(), 3u);
  for (TestClient* client : {gone.get(), renamed.get(), demoted.get()}) {
    client->send("x", "INFO");
    const std::string last = client->answer();
    EXPECT_THAT(last, HasSubstr(R"("id":"","status":"error")"));
    EXPECT_THAT(last, HasSubstr(R"("code":"CREDENTIAL_REVOKED")"));
    EXPECT_TRUE(client->ended());
  }
  kept->send("2", "INFO");
  EXPECT_THAT(kept->answer(), HasSubstr("server_name"));
  unknown->send("2", "AUTH", token("new"));
  EXPECT_THAT(unknown->answer(), HasSubstr("authenticated"));
  auto refused = connect();
  refused->send("3", "AUTH", token("write"));
  EXPECT_THAT(refused->answer(), HasSubstr("AUTH_FAILED"));
}

TEST_F(AccessTest, WhatHasArrivedWhenACredentialIsRevokedIsNotCarriedOut) {
  start();
  auto client = connect_as("right");
  let_timers_go_first();
  client->send("p", "PUT_MACHINE", kMachine);
  loop_.run_after(0, [&] {
    facts_.credentials = {};
    EXPECT_EQ(server_->credentials_changed(), 1u);
  });
  EXPECT_THAT(client->answer(), HasSubstr(R"("code":"CREDENTIAL_REVOKED")"));
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(node_->head(), 0u);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(AccessTest, ARevokedPeerThatReadsNothingIsCutAllTheSame) {
  net_options_.window_bytes = 4'096;
  start();
  auto stuck = connect_as("right");
  stuck->peer().pause();
  for (int i = 0; i < 100; ++i) stuck->send("i", "INFO");
  loop_.run_for(10);
  facts_.credentials = {};
  EXPECT_EQ(server_->credentials_changed(), 1u);
  EXPECT_EQ(server_->connections(), 1u);
  loop_.run_for(limits::kRevokedCutMs + 1'001);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(AccessTest, WhereNothingIsRequiredNobodyIsEndedAndTheNameIsKept) {
  facts_.auth_required = false;
  start();
  auto reader = connect_as("read");
  reader->send("1", "PUT_MACHINE", kMachine);
  EXPECT_THAT(reader->answer(), HasSubstr(R"("created":true)"));
  facts_.credentials = {};
  EXPECT_EQ(server_->credentials_changed(), 0u);
  reader->send("2", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(reader->answer(), HasSubstr(R"("actor":"reader")"));
}

TEST_F(AccessTest, AnAddressThatGuessesTooOftenWaitsUnheard) {
  start();
  const auto guess = [&](std::string_view text) {
    auto client = connect();
    client->send("1", "AUTH", token(text));
    return client->answer();
  };
  for (int i = 0; i < limits::kGuessesPerSecondMax; ++i)
    EXPECT_THAT(guess("wrong"), HasSubstr("AUTH_FAILED"));
  const std::string refused = guess("right");
  EXPECT_THAT(refused, HasSubstr("RATE_LIMITED"));
  EXPECT_THAT(refused, HasSubstr(R"("code":"TOO_MANY_GUESSES")"));
  EXPECT_THAT(refused, HasSubstr("retry_after_ms"));
  EXPECT_EQ(server_->guesses().stats().refused, 1u);
  EXPECT_EQ(server_->guesses().stats().failures,
            static_cast<uint64_t>(limits::kGuessesPerSecondMax));
  loop_.run_for(limits::kGuessDelayMsMin);
  EXPECT_THAT(guess("right"), HasSubstr("authenticated"));
}

TEST_F(AccessTest, AnAnnouncedLengthCostsNothingUntilItArrives) {
  connections_max_ = 2'000;
  start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_as("right"));
  const std::string payload =
      TestClient::request("1", "PING", R"({"x":")" + std::string(2'000'000, 'x') + "\"}");
  std::string frame;
  const size_t begin = wire::begin_frame(frame, Dialect::kRcpx);
  frame += payload;
  wire::end_frame(frame, Dialect::kRcpx, begin);
  for (auto& client : clients) client->peer().send(frame.substr(0, 100));
  loop_.run_for(1);
  // Whatever way the rest is cut, the frame comes together.
  for (size_t i = 0; i < clients.size(); ++i) {
    for (size_t at = 100; at < frame.size(); at += 100'000 * (i + 1) + 7) {
      clients[i]->peer().send(frame.substr(at, 100'000 * (i + 1) + 7));
      loop_.run_for(1);
    }
    EXPECT_THAT(clients[i]->answer(), HasSubstr("pong"));
    clients[i]->send("2", "PING");
    EXPECT_THAT(clients[i]->answer(), HasSubstr("pong"));
  }
}

}  // namespace
}  // namespace rstmdb::server
