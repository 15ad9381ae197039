// The blocks of README.md, each compiled as it stands and run; readme_blocks.py cuts them out.
#include <atomic>

#include "client_fixture.h"
#include "process.h"
#include "test_certificates.h"

// The blocks are whole programs for their readers, who have no variables around them.
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-variable"

namespace rstmdb::client {
namespace {

constexpr int kBlocks =
#include "readme/count.inc"
    ;
static_assert(kBlocks == 9, "every block of README.md has a test here");

constexpr const char* definition_json = R"({"states":["new","paid"],"initial":"new",
    "transitions":[{"from":"new","event":"PAY","to":"paid"}]})";

class Readme : public testing::Test {
 protected:
  void put_order() { client.put_machine({"order", 1, definition_json, ""}).value(); }
  void create_order() {
    put_order();
    client.create_instance({.machine = "order", .instance_id = "order-1"}).value();
  }
  void log(const std::string& line) { logged.push_back(line); }

  std::vector<std::string> logged;
  const std::string token;
  fake::RealServer server;
  const uint16_t port = server.port();
  Client client = Client::connect({.port = port}).value();
};

TEST_F(Readme, Start) {
  create_order();
#include "readme/start.inc"
  EXPECT_EQ(client.get_instance("order-1").value().state, "paid");
}

TEST_F(Readme, Connect) {
#include "readme/connect.inc"
  EXPECT_RESULT(connected);
  EXPECT_RESULT(connected->ping());
}

TEST_F(Readme, Machines) {
#include "readme/machines.inc"
  EXPECT_EQ(latest.version, 1u);
  EXPECT_EQ(all.total, 1u);
}

TEST_F(Readme, Instances) {
  put_order();
#include "readme/instances.inc"
  EXPECT_EQ(total, 25);
}

TEST_F(Readme, Events) {
  create_order();
  for (int i = 0; i < 2; ++i) {
#include "readme/events.inc"
    EXPECT_EQ(done.ok(), i == 0);
  }
  EXPECT_THAT(logged, testing::ElementsAre("order-1 is paid", "order-1 was not new, but paid"));
}

TEST_F(Readme, History) {
  create_order();
#include "readme/history.inc"
  EXPECT_EQ(counts.total, 1u);
  EXPECT_THAT(logged, testing::ElementsAre("new", "paid", "create_instance new"));
}

TEST_F(Readme, Batch) {
  client
      .put_machine({.machine = "seat", .definition = R"({"states":["free","taken"],"initial":"free",
                        "transitions":[{"from":"free","event":"TAKE","to":"taken"}]})"})
      .value();
#include "readme/batch.inc"
  EXPECT_EQ(taken.to_state, "taken");
}

TEST_F(Readme, Watch) {
  create_order();
  std::atomic<bool> running = true;
  std::string shipped;
  const auto ship = [&](const std::string& instance_id) {
    shipped = instance_id;
    running = false;
  };
  std::jthread payer([this] {
    // The watch tells what comes after it has begun: orders are paid until one has been seen.
    for (int i = 2; i < 10'000; ++i) {
      const std::string id = "order-" + std::to_string(i);
      if (!client.create_instance({.machine = "order", .instance_id = id}).ok()) return;
      if (!client.apply_event({.instance_id = id, .event = "PAY"}).ok()) return;
    }
  });
#include "readme/watch.inc"
  client.close();
  EXPECT_TRUE(shipped.starts_with("order-"));
}

TEST(ReadmeTls, Tls) {
  const fake::TestCertificates files;
  FakeServer server(FakeServer::Tls{files.server_cert(), files.server_key(), files.ca()});
  const uint16_t port = server.port();
#include "readme/tls.inc"
  EXPECT_RESULT(client.ping());
}

}  // namespace
}  // namespace rstmdb::client
