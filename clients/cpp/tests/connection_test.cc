// What happens to calls when answers are late, mixed, missing or nonsense, and when the connection
// goes away.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>

#include "client_fixture.h"
#include "transport.h"

namespace rstmdb::client {
namespace {

/// Requests that a script has kept to answer later.
class Held {
 public:
  using Requests = std::vector<std::pair<fake::PeerPtr, Received>>;

  FakeServer::Script script() {
    return [this](Peer& peer, const Received& r) {
      const std::lock_guard lock(mutex_);
      held_.emplace_back(peer.shared_from_this(), r);
      came_.notify_all();
    };
  }
  /// Waits until `count` are there; gives what there is after ten seconds.
  Requests take(size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, 10s, [&] { return held_.size() >= count; });
    return std::exchange(held_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  Requests held_;
};

std::string created(const std::string& id) {
  return R"({"instance_id":")" + id + R"(","state":"s","wal_offset":1})";
}

std::string instance_of(const std::string& params) {
  return std::string(Json::parse(params).value()["instance_id"].string());
}

class Connection : public testing::Test {
 protected:
  Held held_;
  std::atomic<int> tries_ = 0;  // of connecting, as a script counts them
  FakeServer server_;           // ends before what its scripts use
  Client client_ = connect_to(server_);
};

/// Waits for a socket and nothing else.
class Polls final : public Waiter {
  Result<void> await(int fd, short events, TimePoint) override {
    pollfd polled{fd, events, 0};
    ::poll(&polled, 1, 5'000);
    return {};
  }
};

TEST(Silence, OfAServerThatIsGoneIsFoundOutInTwoMinutes) {
  FakeServer server;
  Polls waiter;
  const auto connected =
      connect_tcp(options_for(server), std::chrono::steady_clock::now() + 5s, waiter);
  ASSERT_RESULT(connected);
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt((*connected)->fd(), level, name, &value, &size), 0);
    return value;
  };
  ASSERT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  const int probes_s = option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT);
  EXPECT_LE(option(IPPROTO_TCP, TCP_KEEPIDLE) + probes_s, 120);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 120'000) << "while something is on its way";
}

TEST_F(Connection, AnswersInAnyOrderReachTheirCalls) {
  server_.on("CREATE_INSTANCE", held_.script());
  std::vector<Future<InstanceCreated>> futures;
  for (int i = 0; i < 100; ++i) {
    futures.push_back(
        client_.create_instance_async({.machine = "m", .instance_id = std::to_string(i)}));
  }
  const auto requests = held_.take(100);
  ASSERT_EQ(requests.size(), 100u);
  for (size_t i = 0; i < requests.size(); ++i) {  // 37 is coprime to 100: every one, mixed up
    const auto& [peer, r] = requests[i * 37 % 100];
    peer->answer(r.id, created(instance_of(r.params)));
  }
  for (int i = 0; i < 100; ++i) {
    const auto done = futures[i].get();
    ASSERT_RESULT(done);
    EXPECT_EQ(done->instance_id, std::to_string(i));
  }
}

TEST_F(Connection, ManyCallsTravelOnOneConnectionInOrderAndBounded) {
  server_.on("CREATE_INSTANCE", [](Peer& peer, const Received& r) {
    peer.answer(r.id, created(instance_of(r.params)));
  });
  constexpr int kCalls = 5'000;  // several times what may be in flight
  std::vector<Future<InstanceCreated>> futures;
  for (int i = 0; i < kCalls; ++i) {
    futures.push_back(
        client_.create_instance_async({.machine = "m", .instance_id = std::to_string(i)}));
  }
  for (auto& future : futures) ASSERT_RESULT(future.get());
  const auto requests = server_.received("CREATE_INSTANCE");
  ASSERT_EQ(requests.size(), size_t{kCalls});
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_EQ(instance_of(requests[i].params), std::to_string(i));
  }
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(Connection, NoMoreThanTheBoundIsInFlight) {
  server_.on("CREATE_INSTANCE", held_.script());
  std::vector<Future<InstanceCreated>> futures;
  for (int i = 0; i < 1500; ++i) {
    futures.push_back(client_.create_instance_async({.machine = "m"}));
  }
  const auto first = held_.take(1024);
  ASSERT_EQ(first.size(), 1024u);
  for (const auto& [peer, r] : first) peer->answer(r.id, created("x"));
  for (const auto& [peer, r] : held_.take(476)) peer->answer(r.id, created("x"));
  for (auto& future : futures) EXPECT_RESULT(future.get());
}

TEST_F(Connection, CallbacksRunOnceWhetherSetBeforeOrAfter) {
  server_.on("PING", held_.script());
  std::promise<bool> before;
  const auto future = client_.ping_async();
  auto copy = future;
  copy.on_ready([&](const Result<void>& result) { before.set_value(result.ok()); });
  for (const auto& [peer, r] : held_.take(1)) peer->answer(r.id, "{}");
  auto came = before.get_future();
  ASSERT_EQ(came.wait_for(5s), std::future_status::ready);
  EXPECT_TRUE(came.get());
  int after = 0;
  copy.on_ready([&](const Result<void>&) { ++after; });
  EXPECT_EQ(after, 1);
}

TEST_F(Connection, SilenceEndsInATimeoutAndTheConnectionLivesOn) {
  server_.on("GET_INSTANCE", held_.script());
  const auto late = client_.get_instance("i", {.timeout = 50ms});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind(), ErrorKind::kTimeout);
  EXPECT_TRUE(late.error().maybe_applied());
  EXPECT_TRUE(late.error().retryable());
  // The late answer is for nobody and does no harm.
  for (const auto& [peer, r] : held_.take(1)) peer->answer(r.id, "{}");
  EXPECT_RESULT(client_.ping());
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(Connection, WhatTheServerDoesNotReadIsNotPiledUp) {
  std::promise<void> reads_on;
  std::shared_future<void> reading = reads_on.get_future().share();
  server_.on("APPLY_EVENT", [reading](Peer& peer, const Received& r) {
    reading.wait();  // and with this thread the whole connection
    peer.answer(r.id, R"({"from_state":"a","to_state":"b","ctx":{},"wal_offset":1,)"
                      R"("applied":true})");
  });
  const std::string payload = R"({"x":")" + std::string(256 * 1024, 'x') + "\"}";
  int sent = 0;
  for (int round = 0; round < 10; ++round) {
    std::vector<Future<EventApplied>> futures;
    for (int i = 0; i < 20; ++i) {
      futures.push_back(client_.apply_event_async(
          {.instance_id = "i", .event = "E", .payload = payload}, {.timeout = 50ms}));
    }
    for (auto& future : futures) {
      const auto late = future.get();
      EXPECT_EQ(late.error().kind(), ErrorKind::kTimeout);
      if (late.error().maybe_applied()) ++sent;
    }
  }
  EXPECT_LT(sent, 80) << "of 200, what the kernel holds and a little more";
  reads_on.set_value();
  EXPECT_RESULT(client_.ping());
  EXPECT_EQ(server_.received("APPLY_EVENT").size(), size_t(sent));
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(Connection, AStopRequestEndsTheCallAtOnce) {
  server_.on("GET_INSTANCE", held_.script());
  std::stop_source stop;
  const auto future = client_.get_instance_async("i", {.stop = stop.get_token()});
  ASSERT_TRUE(server_.wait_for("GET_INSTANCE", 1));
  EXPECT_FALSE(future.ready());
  stop.request_stop();
  ASSERT_TRUE(future.ready());
  EXPECT_EQ(future.get().error().kind(), ErrorKind::kCancelled);
  EXPECT_TRUE(future.get().error().maybe_applied());
  EXPECT_THROW(future.get().value(), CancelledError);
  for (const auto& [peer, r] : held_.take(1)) peer->answer(r.id, "{}");
  EXPECT_RESULT(client_.ping());
}

TEST_F(Connection, AStoppedTokenSendsNothing) {
  std::stop_source stop;
  stop.request_stop();
  const auto result = client_.get_instance("i", {.stop = stop.get_token()});
  EXPECT_EQ(result.error().kind(), ErrorKind::kCancelled);
  EXPECT_FALSE(result.error().maybe_applied());
  EXPECT_RESULT(client_.ping());
  EXPECT_TRUE(server_.received("GET_INSTANCE").empty());
}

TEST_F(Connection, ACutReadIsRepeatedOnANewConnection) {
  server_.on("GET_MACHINE", [](Peer& peer, const Received& r) {
    if (r.connection < 3) return peer.cut();
    peer.answer(r.id, R"({"machine":"m","version":1,"definition":{},"checksum":"c"})");
  });
  EXPECT_RESULT(client_.get_machine("m"));
  EXPECT_EQ(server_.received("GET_MACHINE").size(), 3u);
}

TEST_F(Connection, ACutWriteIsRepeatedWithTheSameKey) {
  server_.on("APPLY_EVENT", [](Peer& peer, const Received& r) {
    if (r.connection == 1) return peer.cut();
    peer.answer(r.id, R"({"from_state":"a","to_state":"b","ctx":{},"wal_offset":1,)"
                      R"("applied":false})");
  });
  const auto done = client_.apply_event({.instance_id = "i", .event = "E"});
  ASSERT_RESULT(done);
  EXPECT_FALSE(done->applied);
  const auto sent = server_.received("APPLY_EVENT");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].params, sent[1].params);
  EXPECT_THAT(sent[0].params, testing::HasSubstr("idempotency_key"));
}

TEST_F(Connection, ARefusalOfARepeatedWriteDoesNotSayThatItNeverHappened) {
  server_.on("APPLY_EVENT", [](Peer& peer, const Received& r) {
    return r.connection == 1 ? peer.cut() : peer.refuse(r.id, "RATE_LIMITED", "busy");
  });
  const auto repeated = client_.apply_event({.instance_id = "i", .event = "E"});
  EXPECT_EQ(repeated.error().code(), ErrorCode::kRateLimited);
  EXPECT_TRUE(repeated.error().maybe_applied());
  EXPECT_FALSE(client_.apply_event({.instance_id = "i", .event = "E"}).error().maybe_applied());
}

TEST_F(Connection, ACutWriteWithoutKeyIsNotRepeated) {
  Options options = options_for(server_);
  options.auto_idempotency_keys = false;
  Client client = Client::connect(options).value();
  server_.on("APPLY_EVENT", [](Peer& peer, const Received&) { peer.cut(); });
  const auto lost = client.apply_event({.instance_id = "i", .event = "E"});
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().kind(), ErrorKind::kConnection);
  EXPECT_TRUE(lost.error().maybe_applied());
  EXPECT_THROW(lost.value(), ConnectionError);
  EXPECT_EQ(server_.received("APPLY_EVENT").size(), 1u);
  EXPECT_RESULT(client.ping());  // and the client goes on
}

TEST(AnAnswerThatIsThere, CountsAlsoWhenWritingFailsFirst) {
  std::optional<FakeServer> server(std::in_place);
  std::promise<void> answered;
  server->on("PUT_MACHINE", [&](Peer& peer, const Received& r) {
    peer.answer(r.id, R"({"machine":"m","version":1,"stored_checksum":"c","created":true})");
    answered.set_value();
  });
  std::atomic<int> pings = 0;
  Options options = options_for(*server);
  options.trace = [&](TraceEvent event, std::string_view text) {
    if (event == TraceEvent::kSent && text.find("PING") != text.npos) ++pings;
  };
  Client client = Client::connect(options).value();
  std::promise<void> busy;
  std::promise<void> look_again;
  server->on("INFO", [](Peer&, const Received&) {});
  client.info_async({.timeout = 20ms}).on_ready([&](const Result<ServerFacts>&) {
    busy.set_value();  // on the thread of the connection, which reads nothing meanwhile
    look_again.get_future().wait();
  });
  busy.get_future().wait();
  std::jthread caller(
      [&] { EXPECT_TRUE(client.put_machine({.machine = "m", .definition = "{}"}).ok()); });
  answered.get_future().wait();
  server.reset();
  std::vector<std::jthread> writers;  // the first is answered by a reset, which the next ones meet
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] { EXPECT_FALSE(client.ping({.timeout = 100ms}).ok()); });
    while (pings <= i) std::this_thread::yield();
  }
  look_again.set_value();
}

TEST_F(Connection, ABatchIsRepeatedOnlyIfAllItsOperationsHaveKeys) {
  Options options = options_for(server_);
  options.auto_idempotency_keys = false;
  Client client = Client::connect(options).value();
  server_.on("BATCH", [](Peer& peer, const Received&) { peer.cut(); });
  const BatchOperation keyed = DeleteInstance{.instance_id = "i", .idempotency_key = "k"};
  const BatchOperation bare = DeleteInstance{.instance_id = "j"};
  EXPECT_FALSE(client.batch({.ops = {keyed, bare}}).ok());
  EXPECT_EQ(server_.received("BATCH").size(), 1u);
  EXPECT_FALSE(client.batch({.ops = {keyed}}).ok());
  EXPECT_GT(server_.received("BATCH").size(), 2u);
}

TEST_F(Connection, ACallThatKillsEveryConnectionFailsInTheEnd) {
  server_.on("GET_INSTANCE", [](Peer& peer, const Received&) { peer.cut(); });
  const auto lost = client_.get_instance("i");
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(server_.received("GET_INSTANCE").size(), 5u);
}

TEST_F(Connection, RepeatedCallsKeepTheirOrder) {
  server_.on("APPLY_EVENT", [](Peer& peer, const Received& r) {
    if (r.connection > 1) {
      peer.answer(r.id, R"({"from_state":"a","to_state":"b","ctx":{},"wal_offset":1,)"
                        R"("applied":true})");
    }
  });
  std::vector<Future<EventApplied>> futures;
  for (int i = 0; i < 200; ++i) {
    futures.push_back(
        client_.apply_event_async({.instance_id = "i", .event = "E" + std::to_string(i)}));
  }
  ASSERT_TRUE(server_.wait_for("APPLY_EVENT", 200));
  server_.cut_all();
  for (auto& future : futures) ASSERT_RESULT(future.get());
  const auto sent = server_.received("APPLY_EVENT");
  ASSERT_EQ(sent.size(), 400u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sent[200 + i].params, sent[i].params);
}

struct Damage {
  const char* name;
  std::function<void(Peer&, const Received&)> script;
};

class BrokenStream : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(
    Connection, BrokenStream,
    testing::Values(
        Damage{"CutInAFrame",
               [](Peer& peer, const Received& r) {
                 const std::string whole = peer.frame(R"({"type":"response","id":")" + r.id +
                                                      R"(","status":"ok","result":{}})");
                 peer.send_bytes(whole.substr(0, whole.size() / 2));
                 peer.cut();
               }},
        Damage{"WrongCrc",
               [](Peer& peer, const Received& r) {
                 std::string whole = peer.frame(R"({"type":"response","id":")" + r.id +
                                                R"(","status":"ok","result":{}})");
                 whole[14] = static_cast<char>(whole[14] ^ 1);
                 peer.send_bytes(whole);
               }},
        Damage{"Garbage",
               [](Peer& peer, const Received&) {
                 peer.send_bytes("HTTP/1.1 400 Bad Request\r\n\r\n");
               }},
        Damage{"HugeLength",
               [](Peer& peer, const Received&) {
                 peer.send_bytes(std::string("RCPX\0\1\0\1\0\0\xff\xff\xff\xff\0\0\0\0", 18));
               }},
        Damage{"NoJson", [](Peer& peer, const Received&) { peer.send_message("{\"type\":"); }},
        Damage{"NoObject", [](Peer& peer, const Received&) { peer.send_message("[1,2]"); }},
        Damage{"NoStatus",
               [](Peer& peer, const Received& r) {
                 peer.send_message(R"({"type":"response","id":")" + r.id + "\"}");
               }},
        Damage{"NoResult",
               [](Peer& peer, const Received& r) {
                 peer.send_message(R"({"type":"response","status":"ok","id":")" + r.id + "\"}");
               }},
        Damage{"UnknownId", [](Peer& peer, const Received&) { peer.answer("999999", "{}"); }},
        Damage{"IdThatIsNoNumber",
               [](Peer& peer, const Received&) { peer.answer("seven", "{}"); }}),
    [](const auto& one) { return one.param.name; });

TEST_P(BrokenStream, IsLeftAndReadsAreAskedAgainElsewhere) {
  FakeServer server;
  server.on("GET_MACHINE", [](Peer& peer, const Received& r) {
    if (r.connection == 1) return GetParam().script(peer, r);
    peer.answer(r.id, R"({"machine":"m","version":1,"definition":{},"checksum":"c"})");
  });
  Client client = connect_to(server);
  EXPECT_RESULT(client.get_machine("m"));
  EXPECT_EQ(server.connections(), 2u);
}

TEST_P(BrokenStream, FailsAWriteThatMayNotBeRepeated) {
  FakeServer server;
  server.on("PUT_MACHINE", GetParam().script);
  Client client = connect_to(server);
  const auto lost = client.put_machine({.machine = "m", .definition = "{}"});
  ASSERT_FALSE(lost.ok());
  EXPECT_TRUE(lost.error().kind() == ErrorKind::kConnection ||
              lost.error().kind() == ErrorKind::kProtocol)
      << lost.error().to_string();
  EXPECT_TRUE(lost.error().maybe_applied());
  EXPECT_EQ(server.received("PUT_MACHINE").size(), 1u);
}

TEST_F(Connection, AnErrorAboutTheConnectionIsTheErrorOfItsCalls) {
  server_.on("GET_INSTANCE", [](Peer& peer, const Received&) {
    peer.refuse("", "BAD_REQUEST", "the frame was damaged", R"({"field":"crc32c"})");
    peer.cut();
  });
  const auto refused = client_.get_instance("i");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kBadRequest);
  EXPECT_EQ(server_.received("GET_INSTANCE").size(), 1u);
  EXPECT_RESULT(client_.ping());
}

TEST_F(Connection, AnIdleConnectionThatWasClosedIsReplacedWithoutAnError) {
  server_.cut_all();
  EXPECT_RESULT(client_.put_machine({.machine = "m", .definition = "{}"}).ok() ? Result<void>()
                                                                               : client_.ping());
  EXPECT_RESULT(client_.ping());
}

TEST_F(Connection, AServerThatIsFullIsTriedAgain) {
  server_.on_connect([&](Peer& peer) {
    if (++tries_ > 3) return true;
    peer.refuse("", "RATE_LIMITED", "too many connections");
    return false;
  });
  server_.cut_all();
  EXPECT_RESULT(client_.ping());
  EXPECT_GT(tries_, 3);
}

TEST_F(Connection, ATokenRefusedOnReconnectFailsTheCallsInsteadOfTryingForEver) {
  Options options = options_for(server_);
  options.token = "t";
  Client client = Client::connect(options).value();
  server_.on("AUTH",
             [](Peer& peer, const Received& r) { peer.refuse(r.id, "AUTH_FAILED", "revoked"); });
  server_.on("GET_INSTANCE", [](Peer& peer, const Received&) { peer.cut(); });
  const auto refused = client.get_instance("i");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kAuthFailed);
}

TEST_F(Connection, WithoutReconnectTheFirstLossIsTheEnd) {
  Options options = options_for(server_);
  options.reconnect.enabled = false;
  Client client = Client::connect(options).value();
  server_.on("GET_INSTANCE", [](Peer& peer, const Received&) { peer.cut(); });
  EXPECT_EQ(client.get_instance("i").error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(client.ping().error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(server_.received("GET_INSTANCE").size(), 1u);
}

TEST_F(Connection, WaitingForAServerThatIsGoneIsBoundedInTimeAndNumber) {
  Options options = options_for(server_);
  options.offline_queue_max = 10;
  Client client = Client::connect(options).value();
  server_.stop_listening();
  server_.cut_all();
  // After a call that has waited for nothing, the loss is known and nothing is in the queue.
  EXPECT_EQ(client.ping({.timeout = 100ms}).error().kind(), ErrorKind::kTimeout);
  std::vector<Future<void>> waiting;
  int full = 0;
  for (int i = 0; i < 40; ++i) waiting.push_back(client.ping_async({.timeout = 300ms}));
  for (auto& future : waiting) {
    const auto result = future.get();
    ASSERT_FALSE(result.ok());
    if (result.error().kind() == ErrorKind::kTimeout) continue;
    EXPECT_EQ(result.error().kind(), ErrorKind::kConnection);
    full += result.error().detail("reason") == "queue" ? 1 : 0;
  }
  EXPECT_EQ(full, 30);
}

TEST_F(Connection, AttemptsHaveAnEndWhenToldSo) {
  Options options = options_for(server_);
  options.reconnect.attempts = 3;
  Client client = Client::connect(options).value();
  server_.stop_listening();
  server_.cut_all();
  for (int i = 0; i < 2; ++i) {
    const auto lost = client.ping({.timeout = 5s});
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().kind(), ErrorKind::kConnection) << lost.error().to_string();
    EXPECT_EQ(lost.error().detail("reason"), "refused");
  }
}

TEST_F(Connection, AttemptsAreAsManyAsToldNeitherMoreNorLess) {
  Options options = options_for(server_);
  options.reconnect.attempts = 3;
  Client client = Client::connect(options).value();
  server_.on_connect([](Peer&) { return false; });
  server_.on("GET_INSTANCE", [](Peer& peer, const Received&) { peer.cut(); });
  const size_t before = server_.connections();
  EXPECT_EQ(client.get_instance("i").error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(server_.connections(), before + 3);
}

TEST_F(Connection, ConnectFailsDefinitelyWhereNobodyListens) {
  server_.stop_listening();
  const auto refused = Client::connect(options_for(server_));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(refused.error().detail("reason"), "refused");
  EXPECT_EQ(refused.error().detail("port"), std::to_string(server_.port()));
}

TEST_F(Connection, ConnectIsBoundedWhenNobodyAnswersHello) {
  server_.on("HELLO", [](Peer&, const Received&) {});
  Options options = options_for(server_);
  options.connect_timeout = 100ms;
  const auto late = Client::connect(options);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().detail("reason"), "timeout");
}

TEST_F(Connection, ConnectRefusesAServerOfAnotherProtocol) {
  server_.on_connect([](Peer& peer) {
    peer.send_bytes("220 mail.example ESMTP\r\n");
    return true;
  });
  const auto other = Client::connect(options_for(server_));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind(), ErrorKind::kProtocol);
}

TEST_F(Connection, CloseEndsCallsThatAreUnderWay) {
  server_.on("GET_INSTANCE", held_.script());
  const auto future = client_.get_instance_async("i");
  ASSERT_TRUE(server_.wait_for("GET_INSTANCE", 1));
  client_.close();
  EXPECT_EQ(future.get().error().kind(), ErrorKind::kCancelled);
  EXPECT_EQ(client_.ping().error().kind(), ErrorKind::kCancelled);
}

TEST_F(Connection, AClientCanBeMoved) {
  Client moved = std::move(client_);
  EXPECT_RESULT(moved.ping());
  moved = connect_to(server_);
  EXPECT_RESULT(moved.ping());
}

TEST(Pool, CallsOnOneInstanceShareAConnectionAndOthersSpread) {
  FakeServer server;
  Options options = options_for(server);
  options.pool_size = 4;
  Client client = Client::connect(options).value();
  server.on("CREATE_INSTANCE", [](Peer& peer, const Received& r) {
    peer.answer(r.id, created(instance_of(r.params)));
  });
  std::vector<Future<InstanceCreated>> futures;
  for (int i = 0; i < 400; ++i) {
    futures.push_back(client.create_instance_async(
        {.machine = "m", .version = uint32_t(i + 1), .instance_id = std::to_string(i % 20)}));
  }
  for (auto& future : futures) ASSERT_RESULT(future.get());
  std::map<std::string, std::set<size_t>> connections;
  std::map<std::string, uint64_t> last_version;
  std::set<size_t> used;
  for (const Received& r : server.received("CREATE_INSTANCE")) {
    const Json params = Json::parse(r.params).value();
    const std::string id(params["instance_id"].string());
    connections[id].insert(r.connection);
    used.insert(r.connection);
    const uint64_t version = *params["version"].as_uint64();
    EXPECT_GT(version, last_version[id]) << "order of " << id;
    last_version[id] = version;
  }
  for (const auto& [id, of] : connections) EXPECT_EQ(of.size(), 1u) << id;
  EXPECT_EQ(used.size(), 4u);
}

TEST(Trace, ShowsEveryMessage) {
  FakeServer server;
  Options options = options_for(server);
  std::mutex mutex;
  std::vector<std::string> seen;
  options.trace = [&](TraceEvent event, std::string_view text) {
    const std::lock_guard lock(mutex);
    seen.push_back((event == TraceEvent::kSent ? ">" : "<") + std::string(text));
  };
  Client client = Client::connect(options).value();
  EXPECT_RESULT(client.ping());
  client.close();
  const std::lock_guard lock(mutex);
  EXPECT_THAT(seen, testing::Contains(R"(>{"type":"request","id":"1","op":"PING","params":{}})"));
  EXPECT_THAT(seen, testing::Contains(testing::HasSubstr(R"("pong":true)")));
}

}  // namespace
}  // namespace rstmdb::client
