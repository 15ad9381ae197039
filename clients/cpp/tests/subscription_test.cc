// Watching: order, resuming, and a program that does not keep up.
#include <algorithm>
#include <atomic>
#include <thread>

#include "client_fixture.h"
#include "test_certificates.h"

namespace rstmdb::client {
namespace {

std::string event_at(uint64_t offset, const std::string& subscription) {
  return R"({"type":"event","subscription_id":")" + subscription +
         R"(","instance_id":"i","machine":"m","version":1,"wal_offset":)" + std::to_string(offset) +
         R"(,"from_state":"a","to_state":"b","event":"E","payload":{"n":1},"ctx":{"x":0.10}})";
}

/// A log of transitions at offsets 1 to `last`, streamed from any offset, one subscription for each
/// connection; after `cut_after` events of a connection it is cut.
void stream_log(FakeServer& server, uint64_t last, uint64_t cut_after) {
  server.on("WATCH_ALL", [=](Peer& peer, const Received& r) {
    const auto from = Json::parse(r.params).value()["from_offset"].as_uint64().value_or(last + 1);
    const std::string id = "s" + std::to_string(r.connection);
    peer.answer(r.id,
                R"({"subscription_id":")" + id + R"(","wal_offset":)" + std::to_string(last) + "}");
    for (uint64_t offset = std::max<uint64_t>(from, 1); offset <= last; ++offset) {
      if (offset - from == cut_after) return peer.cut();
      peer.send_message(event_at(offset, id));
    }
  });
  server.on("UNWATCH", [](Peer& peer, const Received& r) { peer.answer(r.id, "{}"); });
}

class Watching : public testing::Test {
 protected:
  std::atomic<int> asked_ = 0;  // for scripts, which end with the server
  FakeServer server_;
  Client client_ = connect_to(server_);
};

TEST_F(Watching, DeliversInOrderWithAllFields) {
  stream_log(server_, 3, 100);
  auto watch = client_.watch_all({.machines = {"m"}, .to_states = {"b", "c"}, .from_offset = 1});
  ASSERT_RESULT(watch);
  EXPECT_EQ(server_.received("WATCH_ALL")[0].params,
            R"({"machines":["m"],"to_states":["b","c"],"include_ctx":true,"from_offset":1})");
  EXPECT_EQ(watch->start_offset(), 3u);
  for (uint64_t offset = 1; offset <= 3; ++offset) {
    const auto next = watch->next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value());
    EXPECT_EQ((*next)->wal_offset, offset);
    EXPECT_EQ((*next)->to_state, "b");
    EXPECT_EQ((*next)->payload, R"({"n":1})");
    EXPECT_EQ((*next)->ctx, R"({"x":0.10})");
    EXPECT_EQ(watch->last_offset(), offset);
  }
  const auto nothing = watch->next(10ms);
  ASSERT_RESULT(nothing);
  EXPECT_FALSE(nothing->has_value());
  EXPECT_RESULT(client_.unwatch(*watch));
  EXPECT_EQ(server_.received("UNWATCH")[0].params, R"({"subscription_id":"s2"})");
  EXPECT_EQ(watch->next(1s).error().kind(), ErrorKind::kCancelled);
}

TEST_F(Watching, ResumesBehindTheLastDeliveredOffsetAfterEveryCut) {
  stream_log(server_, 500, 40);
  auto watch = client_.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  for (uint64_t offset = 1; offset <= 500; ++offset) {
    const auto next = watch->next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << offset;
    ASSERT_EQ((*next)->wal_offset, offset);
  }
  EXPECT_GT(server_.received("WATCH_ALL").size(), 10u);
  EXPECT_FALSE(watch->next(10ms)->has_value());
}

TEST_F(Watching, WithoutFromOffsetItResumesBehindTheHeadItStartedAt) {
  stream_log(server_, 7, 100);
  auto watch = client_.watch_all();
  ASSERT_RESULT(watch);
  server_.cut_all();
  ASSERT_TRUE(server_.wait_for("WATCH_ALL", 2));
  EXPECT_EQ(server_.received("WATCH_ALL")[1].params, R"({"include_ctx":true,"from_offset":8})");
}

TEST_F(Watching, FromOffsetZeroIsFromTheBeginningOfTheLog) {
  stream_log(server_, 3, 100);
  auto watch = client_.watch_all({.from_offset = 0});
  ASSERT_RESULT(watch);
  for (uint64_t offset = 1; offset <= 3; ++offset) {
    const auto next = watch->next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << offset;
    EXPECT_EQ((*next)->wal_offset, offset);
  }
}

TEST_F(Watching, BehindAnOffsetAndEveryKindUntilACutThenFromTheNextOne) {
  server_.on("WATCH_ALL", [](Peer& peer, const Received& r) {
    peer.answer(r.id, R"({"subscription_id":"s","wal_offset":9})");
    if (r.connection > 2) return;
    peer.send_message(
        R"({"type":"event","subscription_id":"s","kind":"create","instance_id":"i","machine":"m",)"
        R"("version":1,"wal_offset":6,"from_state":null,"to_state":"a","event":null,)"
        R"("payload":null,"ctx":{}})");
    peer.send_message(
        R"({"type":"event","subscription_id":"s","kind":"delete","instance_id":"i","machine":"m",)"
        R"("version":1,"wal_offset":8,"from_state":"a","to_state":null,"event":null,)"
        R"("payload":null,"ctx":null})");
    peer.cut();
  });
  auto watch = client_.watch_all({.after_offset = 5, .kinds = {"create", "delete"}});
  ASSERT_RESULT(watch);
  const auto created = watch->next(5s);
  ASSERT_RESULT(created);
  ASSERT_TRUE(created->has_value());
  EXPECT_EQ((*created)->kind, "create");
  EXPECT_EQ((*created)->from_state, "");
  EXPECT_EQ((*created)->to_state, "a");
  const auto deleted = watch->next(5s);
  ASSERT_RESULT(deleted);
  ASSERT_TRUE(deleted->has_value());
  EXPECT_EQ((*deleted)->kind, "delete");
  EXPECT_EQ((*deleted)->event, "");
  ASSERT_TRUE(server_.wait_for("WATCH_ALL", 2));
  EXPECT_EQ(server_.received("WATCH_ALL")[0].params,
            R"({"include_ctx":true,"after_offset":5,"kinds":["create","delete"]})");
  EXPECT_EQ(server_.received("WATCH_ALL")[1].params,
            R"({"include_ctx":true,"from_offset":9,"kinds":["create","delete"]})");
}

TEST_F(Watching, AProgramThatDoesNotPullHoldsTheServerBackAndLosesNothing) {
  stream_log(server_, 60'000, 1'000'000);
  auto watch = client_.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  EXPECT_RESULT(client_.ping());  // the client's own connection is not affected
  for (uint64_t offset = 1; offset <= 60'000; ++offset) {
    const auto next = watch->next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << offset;
    ASSERT_EQ((*next)->wal_offset, offset);
  }
}

/// What a TLS library has read from the socket and not given yet, no poll announces.
TEST(WatchingOverTls, WhatCameWhileTheProgramDidNotPullIsReadWhenItDoes) {
  constexpr uint64_t kEvents = 1'100;  // some more than a subscription holds
  const fake::TestCertificates files;
  FakeServer server(FakeServer::Tls{files.server_cert(), files.server_key(), ""});
  stream_log(server, kEvents, 1'000'000);
  std::atomic<uint64_t> seen = 0;
  Options options = options_for(server);
  options.tls = TlsOptions{.ca_cert = files.ca()};
  options.trace = [&](TraceEvent event, std::string_view text) {
    if (event == TraceEvent::kReceived && text.find(R"("type":"event")") != text.npos) ++seen;
  };
  Client client = Client::connect(options).value();
  auto watch = client.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (seen < 1'024 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  for (uint64_t offset = 1; offset <= kEvents; ++offset) {
    const auto next = watch->next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << offset;
    ASSERT_EQ((*next)->wal_offset, offset);
  }
}

TEST_F(Watching, AnOffsetThatIsGoneEndsTheStreamWithTheOldest) {
  stream_log(server_, 10, 5);
  auto watch = client_.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  server_.on("WATCH_ALL", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "NOT_FOUND", "compacted", R"({"oldest_offset":100})");
  });
  const auto gone = [&] {
    while (true) {
      auto next = watch->next(5s);
      if (!next.ok()) return next.error();
      if (!next->has_value()) return Error(ErrorKind::kTimeout, "the stream did not end");
    }
  }();
  EXPECT_EQ(gone.code(), ErrorCode::kNotFound) << gone.to_string();
  EXPECT_EQ(gone.detail("oldest_offset"), "100");
}

/// Takes the notifications of `first` to `last`.
void take(Subscription& watch, uint64_t first, uint64_t last) {
  for (uint64_t offset = first; offset <= last; ++offset) {
    const auto next = watch.next(5s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << offset;
    EXPECT_EQ((*next)->wal_offset, offset);
  }
}

TEST_F(Watching, ARefusalForNowIsNoEndOnceItHasBegun) {
  stream_log(server_, 5, 100);
  auto watch = client_.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  ASSERT_NO_FATAL_FAILURE(take(*watch, 1, 5));
  server_.on("WATCH_ALL", [&](Peer& peer, const Received& r) {
    if (++asked_ == 3) stream_log(server_, 10, 100);
    peer.refuse(r.id, "RATE_LIMITED", "too many subscriptions");
  });
  server_.cut_all();
  ASSERT_NO_FATAL_FAILURE(take(*watch, 6, 10));
  EXPECT_EQ(asked_, 3);
}

TEST_F(Watching, NoAnswerIsNoEndOnceItHasBegun) {
  stream_log(server_, 5, 100);
  Options options = options_for(server_);
  options.request_timeout = 1s;
  Client hasty = Client::connect(options).value();
  auto watch = hasty.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  ASSERT_NO_FATAL_FAILURE(take(*watch, 1, 5));
  server_.on("WATCH_ALL", [&](Peer&, const Received&) {
    ++asked_;
    stream_log(server_, 6, 100);
  });
  server_.cut_all();
  ASSERT_NO_FATAL_FAILURE(take(*watch, 6, 6));
  EXPECT_EQ(asked_, 1);
}

Client with_attempts(const FakeServer& server, unsigned attempts,
                     std::chrono::milliseconds request_timeout = 8s) {
  Options options = options_for(server);
  options.request_timeout = request_timeout;
  options.reconnect.attempts = attempts;
  return Client::connect(options).value();
}

/// Why a watch of `client` ends whose connection is cut, when each attempt to resume it comes to
/// `answer`.
Error end_of_resuming(FakeServer& server, Client client, FakeServer::Script answer) {
  stream_log(server, 5, 100);
  auto watch = client.watch_all({.from_offset = 1});
  if (!watch.ok()) return watch.error();
  take(*watch, 1, 5);
  server.on("WATCH_ALL", std::move(answer));
  server.cut_all();
  const auto ended = watch->next(5s);
  return ended.ok() ? Error(ErrorKind::kArgument, "it goes on") : ended.error();
}

TEST_F(Watching, EndsWhenItHasBeenRefusedAsOftenAsItMayTry) {
  const Error end =
      end_of_resuming(server_, with_attempts(server_, 3), [&](Peer& peer, const Received& r) {
        ++asked_;
        peer.refuse(r.id, "RATE_LIMITED", "too many subscriptions");
      });
  EXPECT_EQ(end.code(), ErrorCode::kRateLimited) << end.to_string();
  EXPECT_EQ(asked_, 3);
}

TEST_F(Watching, EndsWhenItHasBeenCutOffAsOftenAsItMayTry) {
  const Error end =
      end_of_resuming(server_, with_attempts(server_, 3), [&](Peer& peer, const Received&) {
        ++asked_;
        peer.cut();
      });
  EXPECT_EQ(end.kind(), ErrorKind::kConnection) << end.to_string();
  EXPECT_EQ(asked_, 3);
}

TEST_F(Watching, EndsWhenTheLastAttemptIsNotAnswered) {
  const Error end = end_of_resuming(server_, with_attempts(server_, 1, 1s),
                                    [&](Peer&, const Received&) { ++asked_; });
  EXPECT_EQ(end.kind(), ErrorKind::kTimeout) << end.to_string();
  EXPECT_EQ(asked_, 1);
}

TEST_F(Watching, HasItsAttemptsAnewWheneverItHasBeenResumed) {
  server_.on("WATCH_ALL", [&](Peer& peer, const Received& r) {
    const int time = ++asked_;  // of each three, the first is answered
    if (time % 3 != 1) return peer.refuse(r.id, "RATE_LIMITED", "too many subscriptions");
    peer.answer(r.id, R"({"subscription_id":"s","wal_offset":1})");
    peer.send_message(event_at(static_cast<uint64_t>(time) / 3 + 1, "s"));
    peer.cut();
  });
  Client client = with_attempts(server_, 3);
  auto watch = client.watch_all({.from_offset = 1});
  ASSERT_RESULT(watch);
  ASSERT_NO_FATAL_FAILURE(take(*watch, 1, 4));
}

TEST_F(Watching, ClosingWhatHasEndedClosesItsConnection) {
  stream_log(server_, 1, 100);
  auto watch = client_.watch_all();
  ASSERT_RESULT(watch);
  server_.on("WATCH_ALL", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "NOT_FOUND", "compacted", R"({"oldest_offset":100})");
  });
  server_.cut_all();
  EXPECT_EQ(watch->next(5s).error().code(), ErrorCode::kNotFound);
  EXPECT_RESULT(client_.ping());
  EXPECT_TRUE(server_.wait_for_open(2)) << "the client's and the subscription's";
  EXPECT_RESULT(watch->close());
  EXPECT_TRUE(server_.wait_for_open(1));
  EXPECT_EQ(watch->next(1s).error().code(), ErrorCode::kNotFound) << "why it has ended";
}

TEST_F(Watching, AStreamThatHasEndedMakesNoMoreConnections) {
  stream_log(server_, 1, 100);
  auto watch = client_.watch_all();
  ASSERT_RESULT(watch);
  Options options = options_for(server_);
  options.client_name = "welcome";
  Client other = Client::connect(options).value();
  server_.on("HELLO", [](Peer& peer, const Received& r) {
    if (r.params.find("welcome") == std::string::npos) {
      return peer.refuse(r.id, "UNAUTHORIZED", "not any more");
    }
    peer.answer(r.id, R"({"protocol_version":1,"wire_mode":"binary_json"})");
  });
  server_.cut_all();
  EXPECT_EQ(watch->next(5s).error().code(), ErrorCode::kUnauthorized);
  const size_t before = server_.connections();
  constexpr size_t kTurns = 100;  // in each of them the stream could connect as well
  for (size_t turn = 0; turn < kTurns; ++turn) {
    EXPECT_RESULT(other.ping());
    server_.cut_all();
  }
  EXPECT_LE(server_.connections(), before + kTurns + 1) << "a ping may be asked on a cut one";
}

TEST_F(Watching, ARefusalIsTheErrorOfTheCall) {
  server_.on("WATCH_INSTANCE", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "INSTANCE_NOT_FOUND", "no such instance");
  });
  const auto refused = client_.watch_instance({.instance_id = "i"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInstanceNotFound);
}

TEST_F(Watching, EndsAtOnceWhileTheServerIsAway) {
  stream_log(server_, 1, 100);
  auto watch = client_.watch_all();
  ASSERT_RESULT(watch);
  server_.stop_listening();
  server_.cut_all();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_RESULT(watch->close());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
  EXPECT_EQ(watch->next(1s).error().kind(), ErrorKind::kCancelled);
}

TEST_F(Watching, AnInstanceTellsItsStateAndStart) {
  server_.on("WATCH_INSTANCE", [](Peer& peer, const Received& r) {
    peer.answer(r.id, R"({"subscription_id":"q","instance_id":"i","current_state":"paid",)"
                      R"("current_wal_offset":41})");
    peer.send_message(event_at(41, "q"));  // before the start: not ours
    peer.send_message(event_at(42, "other"));
    peer.send_message(event_at(43, "q"));
  });
  auto watch = client_.watch_instance({.instance_id = "i", .include_ctx = false});
  ASSERT_RESULT(watch);
  EXPECT_EQ(watch->start_state(), "paid");
  EXPECT_EQ(watch->start_offset(), 41u);
  EXPECT_EQ(watch->id(), "q");
  const auto next = watch->next(5s);
  ASSERT_RESULT(next);
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->wal_offset, 43u);
}

TEST_F(Watching, SilenceOfTheServerAndAStopRequestEndTheWait) {
  server_.on("WATCH_ALL", [](Peer&, const Received&) {});
  EXPECT_EQ(client_.watch_all({}, {.timeout = 50ms}).error().kind(), ErrorKind::kTimeout);
  stream_log(server_, 1, 100);
  auto watch = client_.watch_all();
  ASSERT_RESULT(watch);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto none = watch->next(60s, stop.get_token());
  ASSERT_RESULT(none);
  EXPECT_FALSE(none->has_value());
}

}  // namespace
}  // namespace rstmdb::client
