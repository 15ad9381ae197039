// Who a request of the gateway comes from, and what the request before it has to do with that.
#include <gmock/gmock.h>

#include "gateway_fixture.h"

namespace rstmdb::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 ";
constexpr std::string_view kNobody = "HTTP/1.1 401 ";

/// A gateway that knows one token and asks for it.
class GatewayRightsTest : public GatewayFixture {
 protected:
  void SetUp() override {
    facts_.auth_required = true;
    facts_.credentials.add_token(sha256("one"), {.name = "o", .rights = api::Access::kAdmin});
    start_for_known();
  }
  /// What `peer` hears when it asks with these fields.
  std::string asked(io::SimulatedPeer& peer, std::string_view fields) {
    peer.received().clear();
    peer.send(request("GET /v1/machines", "", fields));
    return heard(peer);
  }
  static constexpr std::string_view kToken = "Authorization: Bearer one\r\n";
};

TEST_F(GatewayRightsTest, ARequestHasTheRightsThatItShowsItselfAndNoOthers) {
  auto peer = join();
  EXPECT_THAT(asked(*peer, kToken), StartsWith(kOk));
  EXPECT_THAT(asked(*peer, ""), StartsWith(kNobody)) << "of the token before";
  EXPECT_THAT(asked(*peer, kToken), StartsWith(kOk));
  EXPECT_THAT(asked(*peer, "Authorization: Bearer two\r\n"), StartsWith(kNobody));
}

TEST_F(GatewayRightsTest, ATokenThatIsRevokedBetweenTwoRequestsCountsForTheFirst) {
  auto peer = join();
  EXPECT_THAT(asked(*peer, kToken), StartsWith(kOk));
  facts_.credentials = {};
  EXPECT_EQ(gateway_->credentials_changed(), 0u) << "whoever is idle may come with another";
  EXPECT_THAT(asked(*peer, kToken), StartsWith(kNobody));
}

TEST_F(GatewayRightsTest, ATokenThatIsAddedBetweenTwoRequestsCountsForTheSecond) {
  auto peer = join();
  constexpr std::string_view kNew = "Authorization: Bearer new\r\n";
  EXPECT_THAT(asked(*peer, kNew), StartsWith(kNobody));
  facts_.credentials.add_token(sha256("new"), {.name = "n", .rights = api::Access::kRead});
  gateway_->credentials_changed();
  EXPECT_THAT(asked(*peer, kNew), StartsWith(kOk));
}

TEST_F(GatewayRightsTest, ATokenThatIsRevokedBeforeTheBodyHasComeDoesNothing) {
  auto peer = join();
  const std::string whole = request("PUT /v1/machines/m/versions/1",
                                    R"({"states":["a"],"initial":"a","transitions":[]})", kToken);
  peer->send(whole.substr(0, whole.size() - 1));
  EXPECT_EQ(heard(*peer), "");
  facts_.credentials = {};
  gateway_->credentials_changed();
  peer->send(whole.substr(whole.size() - 1));
  EXPECT_THAT(heard(*peer), StartsWith(kNobody));
  EXPECT_THAT(peer->received(), HasSubstr("CREDENTIAL_REVOKED"));
  EXPECT_EQ(node_->head(), 0u);
}

class GatewayRightsGateTest : public GatewayRightsTest {
 protected:
  GatewayRightsGateTest() { commit_ = log::MemoryLog::Commit::kWhenTold; }
};

TEST_F(GatewayRightsGateTest, ATokenThatIsRevokedBeforeItsStreamBeginsEndsIt) {
  auto writer = join();
  writer->send(request("PUT /v1/machines/m/versions/1",
                       R"({"states":["a"],"initial":"a","transitions":[]})", kToken));
  auto peer = join();
  peer->send(request("GET /v1/watch", "", kToken));
  EXPECT_EQ(heard(*peer), "");
  facts_.credentials = {};
  gateway_->credentials_changed();
  log_->commit_flushed();
  EXPECT_THAT(heard(*writer), StartsWith("HTTP/1.1 201 ")) << "it was let in when it was asked";
  EXPECT_THAT(heard(*peer), HasSubstr("CREDENTIAL_REVOKED"));
  EXPECT_TRUE(over(*peer, 1'000));
  EXPECT_EQ(node_->hub().stats().all_active, 0u);
}

class GatewaySiteTest : public GatewayFixture {};

TEST_F(GatewaySiteTest, APageOfAnotherSiteMayNotWrite) {
  start_both();
  const std::string refused = answer(go("Origin: http://elsewhere.example\r\n"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(refused, HasSubstr("FORBIDDEN_ORIGIN"));
  EXPECT_THAT(answer(go("Origin: http://localhost\r\n")), StartsWith(kOk));
  EXPECT_THAT(answer(request("DELETE /v1/instances/i")), StartsWith(kOk)) << "no browser";
}

TEST_F(GatewaySiteTest, WithoutAuthenticationANameThatOnlyLeadsHereIsNotServed) {
  start_both();
  const auto named = [this](std::string_view host) {
    return answer("GET /v1/machines HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  };
  EXPECT_THAT(named("elsewhere.example"), StartsWith("HTTP/1.1 421 "));
  EXPECT_THAT(named("127.0.0.1:8080"), StartsWith(kOk));
  EXPECT_THAT(named("localhost"), StartsWith(kOk));
}

}  // namespace
}  // namespace rstmdb::http
