// A whole server in memory: simulated loop, clock and network, a log that commits when the test
// says so.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/logging.h"
#include "io/simulated_loop.h"
#include "io/simulated_net.h"
#include "io/simulated_random.h"
#include "log/memory_log.h"
#include "server/server.h"
#include "test_client.h"

namespace rstmdb::server {

class ServerFixture : public testing::Test {
 protected:
  static constexpr std::string_view kMachine =
      R"({"machine":"m","version":1,"definition":{"states":["a","b"],"initial":"a","transitions":[)"
      R"({"from":"a","event":"GO","to":"b"},{"from":"b","event":"BACK","to":"a"}]}})";

  log::MemoryLog::Commit commit_ = log::MemoryLog::Commit::kAtFlush;
  io::SimulatedNet::Options net_options_;
  size_t connections_max_ = 10;
  uint64_t memory_bound_bytes_ = 0;  // 0: no bound
  int64_t idle_timeout_ms_ = 300'000;
  io::Ahead ahead_ = io::Ahead::kInline;

  void start() {
    set_logging(Level::kError, LogFormat::kJson);
    net_ = std::make_unique<io::SimulatedNet>(loop_, net_options_);
    log_ = std::make_unique<log::MemoryLog>(commit_);
    node_ = node::Node::open({.log = *log_,
                              .loop = loop_,
                              .clock = clock_,
                              .random = random_,
                              .bounds = {.machine_versions_max = 10,
                                         .key_ttl_ms = 60'000,
                                         .keys_max = 1000,
                                         .keys_bytes_max = 1 << 20},
                              .memory_bound_bytes = memory_bound_bytes_})
                .value();
    loop_.at_turn_end([this] {
      if (node_) node_->end_turn();
    });
    server_ = Server::listen({.loop = loop_,
                              .net = *net_,
                              .node = *node_,
                              .facts = facts_,
                              .address = "127.0.0.1:7401",
                              .connections_max = connections_max_,
                              .idle_timeout_ms = idle_timeout_ms_,
                              .ahead = ahead_})
                  .value();
  }
  void TearDown() override {
    server_.reset();
    node_.reset();
  }

  std::unique_ptr<TestClient> connect(wire::Dialect dialect = wire::Dialect::kRcpx) {
    return std::make_unique<TestClient>(loop_, net_->connect("127.0.0.1:7401").value(), dialect);
  }

  /// Puts the machine and an instance "i" in state a, durable.
  void prepare() {
    auto client = connect();
    client->send("1", "PUT_MACHINE", kMachine);
    client->send("2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"instance_id":"i"})");
    loop_.run_for(1);
    log_->commit_flushed();
    EXPECT_NE(client->answer(), "");
    EXPECT_NE(client->answer(), "");
  }

  /// What is due and what is posted takes turns: the next time that both are there, what is due
  /// goes first. So a task of run_after(0), called after a send, runs when the bytes have arrived
  /// and before they are handled.
  void let_timers_go_first() {
    char first = 't';
    while (first == 't') {
      first = 0;
      loop_.post([&first] { first = first == 0 ? 'p' : first; });
      loop_.run_after(0, [&first] { first = first == 0 ? 't' : first; });
      loop_.run_for(1);
    }
  }

  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  io::SimulatedRandom random_{1};
  api::ServerFacts facts_;
  std::unique_ptr<io::SimulatedNet> net_;
  std::unique_ptr<log::MemoryLog> log_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Server> server_;
};

}  // namespace rstmdb::server
