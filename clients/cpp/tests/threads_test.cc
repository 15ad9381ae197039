// Many threads on one client, with connections dying under them.
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

#include "client_fixture.h"

namespace rstmdb::client {
namespace {

constexpr int kThreads = 16;
constexpr int kCallsEach = 300;

void answer_with_id(FakeServer& server) {
  server.on("CREATE_INSTANCE", [](Peer& peer, const Received& r) {
    const std::string id(Json::parse(r.params).value()["instance_id"].text());
    peer.answer(r.id, R"({"instance_id":)" + id + R"(,"state":"s","wal_offset":1})");
  });
}

/// Every thread makes calls in every face; each answer must be its own.
int wrong_answers(Client& client) {
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&client, &wrong, t] {
      for (int i = 0; i < kCallsEach; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const CreateInstance create{.machine = "m", .instance_id = id};
        const auto made = i % 2 == 0 ? client.create_instance(create)
                                     : client.create_instance_async(create).get();
        if (!made.ok() || made->instance_id != id) ++wrong;
        if (i % 50 == 0) {
          std::stop_source stop;
          auto cancelled = client.ping_async({.stop = stop.get_token()});
          stop.request_stop();
          (void)cancelled.get();
        }
      }
    });
  }
  threads.clear();
  return wrong;
}

TEST(Threads, ShareAClient) {
  FakeServer server;
  answer_with_id(server);
  Client client = connect_to(server);
  EXPECT_EQ(wrong_answers(client), 0);
  EXPECT_EQ(server.connections(), 1u);
}

TEST(Threads, ShareAPoolWhoseConnectionsAreCutAllTheTime) {
  std::atomic<int> count = 0;  // the server's scripts, which use it, end first
  FakeServer server;
  answer_with_id(server);
  const auto answer = [](Peer& peer, const Received& r) {
    const std::string id(Json::parse(r.params).value()["instance_id"].text());
    peer.answer(r.id, R"({"instance_id":)" + id + R"(,"state":"s","wal_offset":1})");
  };
  server.on("CREATE_INSTANCE", [&](Peer& peer, const Received& r) {
    if (count.fetch_add(1) % 97 == 96) return peer.cut();
    answer(peer, r);
  });
  Options options = options_for(server);
  options.pool_size = 4;
  options.request_timeout = 30s;
  Client client = Client::connect(options).value();
  EXPECT_EQ(wrong_answers(client), 0);
  EXPECT_GT(server.connections(), 4u);
}

TEST(Threads, ACallbackOfACancelledCallMayMakeCalls) {
  FakeServer server;
  Client client = connect_to(server);
  std::promise<void> let_in;
  std::shared_future<void> may_come_in = let_in.get_future().share();
  server.on("HELLO", [may_come_in](Peer& peer, const Received& r) {
    may_come_in.wait();
    peer.answer(r.id, R"({"protocol_version":1,"wire_mode":"binary_json"})");
  });
  server.cut_all();
  std::stop_source stop;
  auto cancelled = client.get_instance_async("i", {.stop = stop.get_token()});
  ASSERT_TRUE(server.wait_for("HELLO", 2));  // the call waits for the connection
  std::promise<void> ended;
  cancelled.on_ready([&](const Result<Instance>&) {
    let_in.set_value();
    // The connection comes up, and passes over the call while its stop runs.
    EXPECT_TRUE(client.ping().ok());
    ended.set_value();
  });
  std::thread stopper([&] { stop.request_stop(); });
  if (ended.get_future().wait_for(5s) != std::future_status::ready) {
    std::fputs("the callback cannot make its calls\n", stderr);
    std::_Exit(1);  // neither the thread nor the client can be ended
  }
  stopper.join();
}

TEST(Threads, SeveralMayCloseIt) {
  for (int round = 0; round < 50; ++round) {
    FakeServer server;
    Client client = connect_to(server);
    std::atomic<int> ready = 0;
    const auto close = [&] {
      ++ready;
      while (ready < 4) continue;
      client.close();
    };
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(close);
  }
}

TEST(Threads, CloseWhileOthersCall) {
  for (int round = 0; round < 20; ++round) {
    FakeServer server;
    Client client = connect_to(server);
    std::vector<std::jthread> threads;
    std::atomic<int> started = 0;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        ++started;
        while (true) {
          const auto result = client.ping();
          if (!result.ok()) {
            EXPECT_EQ(result.error().kind(), ErrorKind::kCancelled) << result.error().to_string();
            return;
          }
        }
      });
    }
    while (started < 4) std::this_thread::yield();
    client.close();
  }
}

}  // namespace
}  // namespace rstmdb::client
