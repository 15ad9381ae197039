// TLS against OpenSSL's own server side.
#include "client_fixture.h"
#include "test_certificates.h"

namespace rstmdb::client {
namespace {

class Tls : public testing::Test {
 protected:
  FakeServer::Tls server_side() const { return {files_.server_cert(), files_.server_key(), ""}; }
  Options options(const FakeServer& server, TlsOptions tls) const {
    Options all = options_for(server);
    all.tls = std::move(tls);
    return all;
  }
  fake::TestCertificates files_;
};

TEST_F(Tls, ATrustedServerIsSpokenTo) {
  FakeServer server(server_side());
  Client client = Client::connect(options(server, {.ca_cert = files_.ca()})).value();
  EXPECT_RESULT(client.ping());
  Options by_name = options(server, {.ca_cert = files_.ca()});
  by_name.host = "localhost";
  EXPECT_RESULT(Client::connect(by_name));
}

TEST_F(Tls, LargeMessagesPassBothWays) {
  FakeServer server(server_side());
  server.on("ECHO", [](Peer& peer, const Received& r) { peer.answer(r.id, r.params); });
  Client client = Client::connect(options(server, {.ca_cert = files_.ca()})).value();
  const std::string large = R"({"a":")" + std::string(3'000'000, 'x') + R"("})";
  std::vector<Future<std::string>> futures;
  for (int i = 0; i < 4; ++i) futures.push_back(client.call_async("ECHO", large));
  for (auto& future : futures) EXPECT_EQ(future.get().value(), large);
}

TEST_F(Tls, AnUntrustedServerIsRefused) {
  FakeServer server(server_side());
  const auto refused = Client::connect(options(server, {.ca_cert = files_.other_ca()}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("reason"), "certificate") << refused.error().to_string();
  const auto system = Client::connect(options(server, {}));
  ASSERT_FALSE(system.ok());
  EXPECT_EQ(system.error().detail("reason"), "certificate");
}

TEST_F(Tls, AServerOfAnotherNameIsRefused) {
  FakeServer server(server_side());
  const auto refused =
      Client::connect(options(server, {.ca_cert = files_.ca(), .server_name = "db.example.org"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("reason"), "certificate");
  EXPECT_RESULT(
      Client::connect(options(server, {.ca_cert = files_.ca(), .server_name = "localhost"})));
}

TEST_F(Tls, InsecureAcceptsAnyCertificate) {
  FakeServer server(server_side());
  EXPECT_RESULT(Client::connect(options(server, {.insecure = true})));
}

TEST_F(Tls, AClientCertificateIsShownWhereOneIsAskedFor) {
  FakeServer server(FakeServer::Tls{files_.server_cert(), files_.server_key(), files_.ca()});
  Client client = Client::connect(options(server, {.ca_cert = files_.ca(),
                                                   .client_cert = files_.client_cert(),
                                                   .client_key = files_.client_key()}))
                      .value();
  EXPECT_RESULT(client.ping());
  const auto without = Client::connect(options(server, {.ca_cert = files_.ca()}));
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().kind(), ErrorKind::kConnection);
}

TEST_F(Tls, FilesThatAreNotThereAreNamed) {
  FakeServer server(server_side());
  const auto ca = Client::connect(options(server, {.ca_cert = "/nowhere/ca.pem"}));
  ASSERT_FALSE(ca.ok());
  EXPECT_EQ(ca.error().kind(), ErrorKind::kArgument);
  EXPECT_THAT(ca.error().message(), testing::HasSubstr("/nowhere/ca.pem"));
  EXPECT_FALSE(Client::connect(options(server, {.client_cert = files_.client_cert()})).ok());
  EXPECT_FALSE(Client::connect(options(server, {.client_cert = files_.client_cert(),
                                                .client_key = files_.server_key()}))
                   .ok());
}

TEST_F(Tls, APlainServerAndATlsClientEndInAnError) {
  FakeServer plain;
  plain.on_connect([](Peer& peer) {
    peer.send_bytes("RCPX is not what a TLS client waits for");
    return false;
  });
  const auto refused = Client::connect(options(plain, {.insecure = true}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kConnection);
}

TEST_F(Tls, AReadIsRepeatedAfterACut) {
  FakeServer server(server_side());
  server.on("GET_MACHINE", [](Peer& peer, const Received& r) {
    if (r.connection == 1) return peer.cut();
    peer.answer(r.id, R"({"machine":"m","version":1,"definition":{},"checksum":"c"})");
  });
  Client client = Client::connect(options(server, {.ca_cert = files_.ca()})).value();
  EXPECT_RESULT(client.get_machine("m"));
}

}  // namespace
}  // namespace rstmdb::client
