#include "server/session.h"

#include <gmock/gmock.h>

#include "server_fixture.h"

namespace rstmdb::server {
namespace {

using testing::HasSubstr;
using wire::Dialect;

class SessionTest : public ServerFixture {};

TEST_F(SessionTest, EveryDialectIsAnsweredInItself) {
  net_options_.slice_bytes_max = 3;
  net_options_.delay_ms_max = 2;
  start();
  for (const Dialect dialect : {Dialect::kRcpx, Dialect::kRcp1, Dialect::kJsonl}) {
    auto client = connect(dialect);
    client->send("h", "HELLO", R"({"protocol_version":1,"client_name":"t"})");
    client->send("p", "PING");
    EXPECT_THAT(client->answer(), HasSubstr(R"("server_name":"rstmdb")"));
    EXPECT_EQ(client->answer(),
              R"({"type":"response","id":"p","status":"ok","result":{"pong":true}})");
  }
}

TEST_F(SessionTest, HelloSwitchesToJsonlAfterItsAnswer) {
  start();
  auto client = connect();
  client->send("h", "HELLO", R"({"wire_modes":["jsonl"]})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("wire_mode":"jsonl")"));
  client->speak(Dialect::kJsonl);
  client->send("p", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
}

TEST_F(SessionTest, TheOldestOffsetOfALogWithoutRecordsIsTheOneToCome) {
  start();
  prepare();
  log_->trim(log_->next_offset(), [](const Result<log::Trimmed>& done) { EXPECT_TRUE(done.ok()); });
  auto client = connect();
  client->send("0", "WAL_READ", R"({"from_offset":0})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("records":[],"next_offset":null)"));
  client->send("1", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(client->answer(), HasSubstr("NOT_FOUND"));
}

class GateTest : public SessionTest {
 protected:
  GateTest() { commit_ = log::MemoryLog::Commit::kWhenTold; }
};

TEST_F(GateTest, AWriteIsAnsweredWhenItIsDurableAndNotBefore) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
}

TEST_F(GateTest, CleanReadsOvertakeWaitingWritesAndDirtyOnesWait) {
  start();
  prepare();
  auto client = connect();
  client->send("c", "CREATE_INSTANCE", R"({"machine":"m","version":1,"instance_id":"clean"})");
  loop_.run_for(1);
  log_->commit_flushed();
  client->answer();

  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  client->send("dirty", "GET_INSTANCE", R"({"instance_id":"i"})");
  client->send("list", "LIST_INSTANCES");
  client->send("count", "COUNT_INSTANCES", R"({"machine":"m"})");
  client->send("refused", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  client->send("ping", "PING");
  client->send("clean", "GET_INSTANCE", R"({"instance_id":"clean"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"ping")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"clean")"));
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"w")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("state":"b")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"list")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("states":{"a":1,"b":1})"));
  EXPECT_THAT(client->answer(), HasSubstr("INVALID_TRANSITION"));
}

TEST_F(GateTest, ARefusalThatShowsHowLongAContextIsWaitsAndOneOfTheRequestAloneDoesNot) {
  start();
  prepare();
  auto client = connect();
  const auto event = [](std::string_view name, char letter) {
    return R"({"instance_id":"i","event":")" + std::string(name) + R"(","payload":{")" + letter +
           R"(":")" + std::string(600'000, letter) + "\"}}";
  };
  client->send("w", "APPLY_EVENT", event("GO", 'x'));
  client->send("long", "APPLY_EVENT", event("BACK", 'y'));
  client->send("wrong", "APPLY_EVENT", R"({"instance_id":"i","event":7})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"wrong")"));
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("details":{"path":"payload","size":1200)"));
}

TEST_F(GateTest, AnotherConnectionSeesNothingUncommittedEither) {
  start();
  prepare();
  auto writer = connect();
  auto reader = connect();
  writer->send("w", "CREATE_INSTANCE", R"({"machine":"m","version":1,"instance_id":"new"})");
  EXPECT_FALSE(writer->has_answer());
  reader->send("r", "GET_INSTANCE", R"({"instance_id":"new"})");
  reader->send("x", "WAL_READ", R"({"from_offset":3})");
  EXPECT_THAT(reader->answer(), HasSubstr(R"("records":[],"next_offset":null)"));
  EXPECT_FALSE(reader->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(reader->answer(), HasSubstr(R"("instance_id":"new")"));
}

TEST_F(GateTest, ADeadDiskIsToldToEveryWaiterAndEndsWritingNotReading) {
  start();
  prepare();
  auto client = connect();
  client->send("c", "CREATE_INSTANCE", R"({"machine":"m","version":1,"instance_id":"clean"})");
  loop_.run_for(1);
  log_->commit_flushed();
  client->answer();

  client->send("w1", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  client->send("h", "HELLO", R"({"wire_modes":["binary_json"]})");
  client->send("w2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"instance_id":"n"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"h")"));
  EXPECT_FALSE(client->has_answer());
  log_->fail(Error(Code::kWalIoError, "no space").with("path", "/secret/place"));
  for (const char* id : {"w1", "w2"}) {
    const std::string answer = client->answer();
    EXPECT_THAT(answer, HasSubstr(std::string(R"("id":")") + id));
    EXPECT_THAT(answer, HasSubstr(R"("code":"WAL_IO_ERROR")"));
    EXPECT_THAT(answer, testing::Not(HasSubstr("secret")));
  }
  client->send("w3", "APPLY_EVENT", R"({"instance_id":"clean","event":"GO"})");
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
  client->send("r1", "GET_INSTANCE", R"({"instance_id":"clean"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("state":"a")"));
  client->send("r2", "GET_INSTANCE", R"({"instance_id":"i"})");
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
}

TEST_F(GateTest, WritesBeforeASwitchingHelloAreAnsweredBeforeItInTheOldForm) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  client->send("h", "HELLO", R"({"wire_modes":["jsonl"]})");
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"w")"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("wire_mode":"jsonl")"));
  client->speak(Dialect::kJsonl);
  client->send("p", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
}

TEST_F(GateTest, HelloSwitchesToJsonlAlsoWhenTheLogHasStopped) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  EXPECT_FALSE(client->has_answer());
  log_->fail(Error(Code::kWalIoError, "no space"));
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
  client->send("h", "HELLO", R"({"wire_modes":["jsonl"]})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("wire_mode":"jsonl")"));
  client->speak(Dialect::kJsonl);
  client->send("p", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
}

TEST_F(GateTest, TheDeepestContextCanBeAnsweredReadAndWithdrawn) {
  start();
  prepare();
  // A request is an object in an object, so its context nests two levels less than the request may.
  const size_t depth = limits::kJsonDepthMax - 2;
  std::string deep;
  for (size_t i = 0; i < depth; ++i) deep += R"({"a":)";
  deep += "1" + std::string(depth, '}');
  const std::string create = R"({"machine":"m","version":1,"instance_id":"deep","initial_ctx":)";
  auto client = connect();
  client->send("c", "CREATE_INSTANCE", create + deep + "}");
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr("\"status\":\"ok\""));
  client->send("1", "CREATE_INSTANCE", create + R"({"b":)" + deep + "}}");
  EXPECT_THAT(client->answer(), HasSubstr(R"("reason":"depth")"));

  client->send("r", "WAL_READ", R"({"from_offset":3})");
  json::Document answer;
  const auto parsed = answer.parse(client->answer(), {.depth = limits::kJsonAnswerDepthMax});
  EXPECT_TRUE(parsed.ok()) << parsed.error().to_string();

  client->send(
      "b", "BATCH",
      R"({"mode":"atomic","ops":[{"op":"APPLY_EVENT","params":{"id":"deep","event":"GO"}}]})");
  EXPECT_FALSE(client->has_answer());
  log_->fail(Error(Code::kWalIoError, "no space"));
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
}

/// Merges make a context of more members than one request can bring.
TEST_F(GateTest, TheWidestContextCanBeWithdrawn) {
  start();
  prepare();
  auto client = connect();
  size_t next = 0;
  for (const char* id : {"1", "2"}) {
    std::string payload;
    for (size_t i = 0; i < limits::kJsonMembersMax / 2 + 1; ++i) {
      char key[8];
      std::snprintf(key, sizeof key, "%zx", 0x1000 + next++);
      payload += (i == 0 ? "\"" : ",\"") + std::string(key) + "\":1";
    }
    client->send(id, "APPLY_EVENT",
                 R"({"instance_id":"i","event":")" + std::string(*id == '1' ? "GO" : "BACK") +
                     R"(","payload":{)" + payload + "}}");
  }
  EXPECT_FALSE(client->has_answer());
  log_->fail(Error(Code::kWalIoError, "no space"));
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
}

TEST_F(GateTest, HalfClosedConnectionsGetTheirAnswers) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  client->peer().finish();
  EXPECT_FALSE(client->has_answer());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_TRUE(client->ended());
}

TEST_F(GateTest, HalfClosedConnectionsGetTheAnswersThatWaitForThemToRead) {
  net_options_.window_bytes = 4096;
  start();
  prepare();
  auto client = connect();
  client->peer().pause();
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i)
    client->send(std::to_string(i), "GET_INSTANCE", R"({"instance_id":"i"})");
  loop_.run_for(10);
  client->peer().finish();
  loop_.run_for(10);
  client->peer().resume();
  for (int i = 0; i < kRequests; ++i) EXPECT_NE(client->answer(), "");
  EXPECT_TRUE(client->ended());
}

TEST_F(GateTest, ReadingPausesWhileTheAnswersThatArePromisedMayBeTooMuch) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  constexpr size_t kRoom = limits::kWriteBufferBytesMax / limits::kHistoryPageBytesMax;
  for (size_t i = 0; i < 2 * kRoom; ++i) client->send("h", "GET_HISTORY", R"({"instance_id":"i"})");
  client->send("p", "PING");
  EXPECT_FALSE(client->has_answer()) << "the histories wait for the disk";
  EXPECT_LE(node_->histories().count(), kRoom + 1);
  log_->commit_flushed();
  for (size_t i = 0; i < 2 * kRoom + 2; ++i) EXPECT_NE(client->answer(), "");
}

TEST_F(GateTest, NoHistoryIsReadForAConnectionThatIsBroken) {
  start();
  prepare();
  auto writer = connect();
  writer->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  auto client = connect();
  for (int i = 0; i < 3; ++i) client->send("h", "GET_HISTORY", R"({"instance_id":"i"})");
  loop_.run_for(10);
  ASSERT_EQ(node_->histories().count(), 3u);
  client->peer().reset();
  loop_.run_for(10);
  const uint64_t reads = log_->stats().reads;
  log_->commit_flushed();
  EXPECT_NE(writer->answer(), "");
  EXPECT_EQ(node_->histories().count(), 0u);
  EXPECT_EQ(log_->stats().reads, reads);
}

TEST_F(GateTest, ReadingPausesWhileTooManyAnswersWait) {
  start();
  prepare();
  auto client = connect(Dialect::kJsonl);
  const size_t count = limits::kRequestsInFlightMax + 500;
  for (size_t i = 0; i < count; ++i) {
    client->send(std::to_string(i), "APPLY_EVENT",
                 i % 2 == 0 ? R"({"instance_id":"i","event":"GO"})"
                            : R"({"instance_id":"i","event":"BACK"})");
  }
  loop_.run_for(10);
  EXPECT_EQ(node_->head(), 2 + limits::kRequestsInFlightMax);
  log_->commit_flushed();
  loop_.run_for(10);
  EXPECT_EQ(node_->head(), 2 + count);
  log_->commit_flushed();
  for (size_t i = 0; i < count; ++i) {
    EXPECT_THAT(client->answer(), HasSubstr(R"("id":")" + std::to_string(i) + "\""));
  }
}

TEST_F(GateTest, DrainAnswersWhatWasAskedThenEnds) {
  start();
  prepare();
  auto client = connect();
  auto idle = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  loop_.run_for(1);
  bool drained = false;
  server_->drain([&] { drained = true; });
  loop_.run_for(10);
  EXPECT_FALSE(drained);
  EXPECT_TRUE(idle->ended());
  EXPECT_FALSE(net_->connect("127.0.0.1:7401").ok());
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_TRUE(loop_.run_until([&] { return drained; }, 100));
}

TEST_F(GateTest, DrainAnswersWhatHasArrivedInTheSameTurn) {
  start();
  prepare();
  auto client = connect();
  loop_.run_for(1);
  let_timers_go_first();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  loop_.run_after(0, [&] {
    EXPECT_EQ(node_->head(), 2u);
    server_->drain([] {});
    EXPECT_EQ(node_->head(), 3u);
  });
  loop_.run_for(10);
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_TRUE(client->ended());
}

/// More connections than are looked ahead at once; some pipeline, some say what is no request, and
/// one that has come to its end is among them.
TEST_F(SessionTest, WhatArrivesAtManyConnectionsTogetherIsAnsweredToEachInOrder) {
  constexpr size_t kClients = 2 * ReadAhead::kRequestsMax + 3;
  connections_max_ = kClients + 1;
  start();
  prepare();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i < kClients; ++i) clients.push_back(connect());
  loop_.run_for(1);
  for (size_t i = 0; i < kClients; ++i) {
    const std::string id = "i" + std::to_string(i);
    if (i % 3 == 1) clients[i]->send_payload("no request");
    if (i % 5 == 4) clients[i]->send("bye", "BYE");
    clients[i]->send("c", "CREATE_INSTANCE",
                     R"({"machine":"m","version":1,"instance_id":")" + id + "\"}");
    clients[i]->send("e", "APPLY_EVENT", R"({"instance_id":")" + id + R"(","event":"GO"})");
    clients[i]->send("g", "GET_INSTANCE", R"({"instance_id":")" + id + "\"}");
  }
  for (size_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    if (i % 3 == 1) {
      EXPECT_THAT(clients[i]->answer(), HasSubstr("BAD_REQUEST"));
    }
    if (i % 5 == 4) {
      EXPECT_THAT(clients[i]->answer(), HasSubstr(R"("id":"bye")"));
      EXPECT_TRUE(clients[i]->ended());
      continue;
    }
    EXPECT_THAT(clients[i]->answer(), HasSubstr(R"("id":"c","status":"ok")"));
    EXPECT_THAT(clients[i]->answer(), HasSubstr(R"("to_state":"b")"));
    EXPECT_THAT(clients[i]->answer(), HasSubstr(R"("state":"b")"));
  }
}

TEST_F(GateTest, DrainCutsWhatDoesNotEnd) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  loop_.run_for(1);
  bool drained = false;
  server_->drain([&] { drained = true; });
  loop_.run_for(limits::kDrainTimeoutMs - 10);
  EXPECT_FALSE(drained);
  EXPECT_TRUE(loop_.run_until([&] { return drained; }, 1'000));
}

TEST_F(SessionTest, OneTooManyIsRefusedInItsOwnDialectAndTheSlotComesBack) {
  connections_max_ = 2;
  start();
  auto first = connect();
  auto second = connect();
  first->send("1", "PING");
  EXPECT_NE(first->answer(), "");
  for (const Dialect dialect : {Dialect::kRcpx, Dialect::kRcp1, Dialect::kJsonl}) {
    auto third = connect(dialect);
    third->send("1", "PING");
    EXPECT_THAT(third->answer(), HasSubstr("RATE_LIMITED"));
    EXPECT_TRUE(third->ended());
  }
  auto silent = connect();
  EXPECT_THAT(silent->answer(), HasSubstr("TOO_MANY_CONNECTIONS"));
  second->peer().close();
  ASSERT_TRUE(loop_.run_until([&] { return server_->connections() == 1; }, 1'000));
  auto again = connect();
  again->send("1", "PING");
  EXPECT_THAT(again->answer(), HasSubstr("pong"));
}

TEST_F(SessionTest, ARefusedConnectionThatDoesNotReadGetsOneAnswerAndIsCut) {
  connections_max_ = 1;
  net_options_.window_bytes = 16;  // much less than the answer
  start();
  auto first = connect();
  first->send("1", "PING");
  EXPECT_NE(first->answer(), "");
  const auto told = [this] {
    return server_->stats().errors[static_cast<size_t>(Code::kRateLimited)];
  };
  auto silent = connect();
  silent->peer().pause();
  ASSERT_TRUE(loop_.run_until([&] { return told() == 1; }, 2 * limits::kRefusalTimeoutMs + 10));
  // The next look after its time for the last word.
  loop_.run_for(2 * limits::kRefusalTimeoutMs);
  silent->peer().resume();
  EXPECT_TRUE(silent->peer().was_reset());
  EXPECT_EQ(silent->peer().received().size(), 16u) << "and nothing was sent since";
  auto speaking = connect();
  speaking->peer().pause();
  speaking->send("1", "PING");
  loop_.run_for(limits::kHandshakeTimeoutMs + 2'000);
  speaking->peer().resume();
  EXPECT_TRUE(speaking->peer().was_reset());
  EXPECT_EQ(told(), 2u) << "each is told once";
  first->send("2", "PING");
  EXPECT_THAT(first->answer(), HasSubstr("pong"));
}

TEST_F(SessionTest, QuietAndHalfWayConnectionsEnd) {
  idle_timeout_ms_ = 20'000;
  start();
  auto silent = connect();
  loop_.run_for(limits::kHandshakeTimeoutMs - 1'000);
  EXPECT_FALSE(silent->peer().ended());
  loop_.run_for(3'000);
  EXPECT_TRUE(silent->ended());

  auto idle = connect();
  idle->send("1", "PING");
  EXPECT_NE(idle->answer(), "");
  loop_.run_for(18'000);
  idle->send("2", "PING");
  EXPECT_NE(idle->answer(), "");
  loop_.run_for(18'000);
  EXPECT_FALSE(idle->peer().ended());
  loop_.run_for(5'000);
  EXPECT_TRUE(idle->ended());
}

TEST_F(SessionTest, AFrameThatDribblesInForTooLongEndsTheConnection) {
  start();
  auto client = connect(Dialect::kJsonl);
  client->send("1", "PING");
  EXPECT_NE(client->answer(), "");
  client->peer().send(R"({"type":)");
  for (int64_t waited = 0; waited < limits::kFrameTimeoutMs + 3'000; waited += 1'000) {
    client->peer().send(" ");
    loop_.run_for(1'000);
  }
  EXPECT_TRUE(client->ended());
}

TEST_F(SessionTest, APeerThatReadsNothingSlowsNobodyAndIsCut) {
  net_options_.window_bytes = 4096;
  start();
  prepare();
  auto stuck = connect(Dialect::kJsonl);
  stuck->peer().pause();
  for (int i = 0; i < 200; ++i) stuck->send(std::to_string(i), "INFO");
  auto other = connect();
  other->send("1", "PING");
  EXPECT_THAT(other->answer(), HasSubstr("pong"));
  loop_.run_for(limits::kWriteStallTimeoutMs + 3'000);
  stuck->peer().resume();
  EXPECT_TRUE(stuck->ended());
}

TEST_F(SessionTest, SoundFramesWithBadContentKeepTheConnection) {
  start();
  auto client = connect();
  for (const char* payload :
       {"", "nonsense", "[1]", R"({"type":"request"})", R"({"a":1}{"b":2})"}) {
    client->send_payload(payload);
    EXPECT_THAT(client->answer(), HasSubstr(R"("code":"BAD_REQUEST")")) << payload;
  }
  client->send("x", "NO_SUCH_OPERATION");
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"x","status":"error")"));
  client->send("1", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
}

TEST_F(SessionTest, TheNameOfAnUnknownOperationIsCutBetweenTwoCharacters) {
  start();
  auto client = connect();
  const std::string longest(limits::kNameBytesMax - 1, 'x');
  client->send("1", longest + "\u00e9");
  const std::string answer = client->answer();
  json::Document document;
  ASSERT_TRUE(document.parse(answer).ok()) << answer;
  EXPECT_EQ(document.root()["error"]["details"]["op"].string(), longest);
}

TEST_F(SessionTest, UntrustworthyStreamsGetOneAnswerAndEnd) {
  start();
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "RCPX\0\2"}) {
    auto client = connect();
    client->peer().send(std::string(bytes) + std::string(32, '\0'));
    EXPECT_THAT(client->answer(), HasSubstr(R"("id":"","status":"error")"));
    EXPECT_TRUE(client->ended());
  }
  loop_.run_for(1);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(GateTest, ATooLongQueueIsRefusedAndNothingIsTaken) {
  connections_max_ = 1'000;
  start();
  prepare();
  // One connection each, because a connection that has too much waiting is not read any further.
  const std::string params =
      R"({"machine":"m","version":1,"initial_ctx":{"x":")" + std::string(900'000, 'x') + "\"}}";
  std::vector<std::unique_ptr<TestClient>> clients;
  uint64_t head = 0;
  while (head < node_->head() && clients.size() < 100) {
    head = node_->head();
    clients.push_back(connect());
    clients.back()->send("w", "CREATE_INSTANCE", params);
    loop_.run_for(1);
  }
  ASSERT_EQ(head, node_->head()) << "nothing was refused";
  EXPECT_LE(log_->uncommitted_bytes(), limits::kUncommittedBytesMax);
  EXPECT_EQ(head, 2 + clients.size() - 1);
  EXPECT_FALSE(clients.back()->has_answer()) << "that it was allowed is not committed yet";
  log_->commit_flushed();
  EXPECT_THAT(clients.back()->answer(), HasSubstr("RATE_LIMITED"));
  clients.back()->send("w", "CREATE_INSTANCE", R"({"machine":"m","version":1})");
  loop_.run_for(1);
  log_->commit_flushed();
  EXPECT_THAT(clients.back()->answer(), HasSubstr("\"wal_offset\":" + std::to_string(head + 1)));
}

TEST_F(GateTest, ARefusalAtTheBoundOfMemoryWaitsForWhatItWasDecidedBy) {
  memory_bound_bytes_ = 1'000;
  start();
  prepare();
  auto client = connect();
  const auto event = [](std::string_view name, size_t bytes) {
    return R"({"instance_id":"i","event":")" + std::string(name) + R"(","payload":{"x":")" +
           std::string(bytes, 'x') + "\"}}";
  };
  client->send("w", "APPLY_EVENT", event("GO", 10));
  loop_.run_for(1);
  node_->memory().note_used(1'000);
  client->send("longer", "APPLY_EVENT", event("BACK", 20));
  EXPECT_FALSE(client->has_answer()) << "BACK is allowed, and longer, only behind GO";
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_THAT(client->answer(), HasSubstr("MEMORY_LIMIT"));
}

}  // namespace
}  // namespace rstmdb::server
