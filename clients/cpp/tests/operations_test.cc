// What every operation sends, and what it makes of the answer.
#include "client_fixture.h"

namespace rstmdb::client {
namespace {

class Operations : public testing::Test {
 protected:
  /// The parameters of the only request of `op`.
  std::string sent(const std::string& op) {
    const auto all = server_.received(op);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? std::string() : all[0].params;
  }
  Options quiet() const {
    Options options = options_for(server_);
    options.auto_idempotency_keys = false;
    return options;
  }
  FakeServer server_;
  Client client_ = Client::connect(quiet()).value();
};

TEST_F(Operations, HelloSaysWhoWeAre) {
  EXPECT_EQ(sent("HELLO"),
            R"({"protocol_version":1,"client_name":"rstmdb-cpp","client_version":"0.2.0",)"
            R"("wire_modes":["binary_json"]})");
  EXPECT_TRUE(server_.received("AUTH").empty());
}

TEST_F(Operations, TokenIsSentAndItsRefusalIsTheErrorOfConnect) {
  Options options = quiet();
  options.token = "secret";
  ASSERT_RESULT(Client::connect(options));
  EXPECT_EQ(sent("AUTH"), R"({"token":"secret"})");
  server_.on("AUTH", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "AUTH_FAILED", "no such token");
  });
  const auto refused = Client::connect(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kAuthFailed);
  EXPECT_THROW(Client::connect(options).value(), Authentication);
}

TEST_F(Operations, PingAndInfo) {
  EXPECT_RESULT(client_.ping());
  EXPECT_EQ(sent("PING"), "{}");
  const std::string info =
      R"({"server_name":"rstmdb","server_version":"1.2","protocol_version":1,)"
      R"("features":["batch","watch"],"max_frame_bytes":16777216,"max_batch_ops":100,"more":[1]})";
  server_.always("INFO", info);
  const auto result = client_.info();
  ASSERT_RESULT(result);
  EXPECT_EQ(result->server_version, "1.2");
  EXPECT_EQ(result->max_frame_bytes, 16777216u);
  EXPECT_THAT(result->features, testing::ElementsAre("batch", "watch"));
  EXPECT_EQ(result->json, info);
}

TEST_F(Operations, PutMachine) {
  server_.always("PUT_MACHINE",
                 R"({"machine":"m","version":2,"stored_checksum":"abc","created":true})");
  const auto result = client_.put_machine(
      {.machine = "m", .version = 2, .definition = R"( {"states" : ["a"]} )", .checksum = "abc"});
  ASSERT_RESULT(result);
  EXPECT_EQ(sent("PUT_MACHINE"),
            R"({"machine":"m","version":2,"definition":{"states":["a"]},"checksum":"abc"})");
  EXPECT_EQ(result->stored_checksum, "abc");
  EXPECT_TRUE(result->created);
}

TEST_F(Operations, GetMachine) {
  server_.always("GET_MACHINE",
                 R"({"machine":"m","version":3,"definition":{"initial":"a"},"checksum":"x"})");
  const auto latest = client_.get_machine("m");
  ASSERT_RESULT(latest);
  EXPECT_EQ(latest->version, 3u);
  EXPECT_EQ(latest->definition, R"({"initial":"a"})");
  ASSERT_RESULT(client_.get_machine("m", 2));
  const auto all = server_.received("GET_MACHINE");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].params, R"({"machine":"m"})");
  EXPECT_EQ(all[1].params, R"({"machine":"m","version":2})");
}

TEST_F(Operations, ListMachines) {
  server_.always("LIST_MACHINES",
                 R"({"items":[{"machine":"a","versions":[1,2]},{"machine":"b","versions":[7]}],)"
                 R"("total":5,"has_more":true})");
  const auto page = client_.list_machines({.limit = 2, .offset = 1});
  ASSERT_RESULT(page);
  EXPECT_EQ(sent("LIST_MACHINES"), R"({"limit":2,"offset":1})");
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0].machine, "a");
  EXPECT_THAT(page->items[0].versions, testing::ElementsAre(1, 2));
  EXPECT_EQ(page->total, 5u);
  EXPECT_TRUE(page->has_more);
  ASSERT_RESULT(client_.list_machines({.machine = "b"}));
  EXPECT_EQ(server_.received("LIST_MACHINES").back().params, R"({"machine":"b"})");
}

TEST_F(Operations, CountInstances) {
  server_.always("COUNT_INSTANCES",
                 R"({"machine":"m","states":{"a \"b\"":3,"c":0},"total":3,"wal_offset":9})");
  const auto counts = client_.count_instances("m");
  ASSERT_RESULT(counts);
  EXPECT_EQ(sent("COUNT_INSTANCES"), R"({"machine":"m"})");
  EXPECT_EQ(counts->version, 0u);
  ASSERT_EQ(counts->states.size(), 2u);
  EXPECT_EQ(counts->states[0].state, "a \"b\"");
  EXPECT_EQ(counts->states[0].instances, 3u);
  EXPECT_EQ(counts->states[1].instances, 0u);
  EXPECT_EQ(counts->total, 3u);
  EXPECT_EQ(counts->wal_offset, 9u);
  server_.always("COUNT_INSTANCES", R"({"machine":"m","version":2,"states":{"a":"x"},"total":0,)"
                                    R"("wal_offset":9})");
  const auto wrong = client_.count_instances("m", 2);
  EXPECT_EQ(server_.received("COUNT_INSTANCES").back().params, R"({"machine":"m","version":2})");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kProtocol);
}

TEST_F(Operations, GetHistory) {
  server_.always(
      "GET_HISTORY",
      R"({"instance_id":"i","events":[{"wal_offset":7,"ts":5,"type":"delete_instance",)"
      R"("from_state":"b","batch_index":1,"batch_size":2},{"wal_offset":6,"ts":4,)"
      R"("type":"apply_event","event":"E","from_state":"a","to_state":"b","payload":{"n":1.0},)"
      R"("event_id":"e","ctx":{"n":1.0},"idempotency_key":"k","actor":"me"}],"has_more":true,)"
      R"("next_before_offset":5,"horizon":3,"complete":false})");
  const auto history = client_.get_history(
      {.instance_id = "i", .limit = 2, .before_offset = 8, .include_ctx = false});
  ASSERT_RESULT(history);
  EXPECT_EQ(sent("GET_HISTORY"),
            R"({"instance_id":"i","limit":2,"before_offset":8,"include_ctx":false})");
  ASSERT_EQ(history->events.size(), 2u);
  const HistoryEvent& last = history->events[0];
  EXPECT_EQ(last.type, "delete_instance");
  EXPECT_EQ(last.from_state, "b");
  EXPECT_EQ(last.to_state, "");
  EXPECT_EQ(last.ctx, "");
  EXPECT_EQ(last.batch_index, 1u);
  EXPECT_EQ(last.batch_size, 2u);
  const HistoryEvent& first = history->events[1];
  EXPECT_EQ(first.wal_offset, 6u);
  EXPECT_EQ(first.ts, 4);
  EXPECT_EQ(first.event, "E");
  EXPECT_EQ(first.payload, R"({"n":1.0})");
  EXPECT_EQ(first.ctx, R"({"n":1.0})");
  EXPECT_EQ(first.event_id, "e");
  EXPECT_EQ(first.idempotency_key, "k");
  EXPECT_EQ(first.actor, "me");
  EXPECT_FALSE(first.batch_index.has_value());
  EXPECT_TRUE(history->has_more);
  EXPECT_EQ(history->next_before_offset, 5u);
  EXPECT_EQ(history->horizon, 3u);
  EXPECT_FALSE(history->complete);
  server_.always("GET_HISTORY", R"({"instance_id":"i","events":[{"wal_offset":7}],)"
                                R"("has_more":false,"horizon":1,"complete":true})");
  const auto wrong = client_.get_history({.instance_id = "i"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kProtocol);
}

TEST_F(Operations, CreateInstance) {
  server_.always("CREATE_INSTANCE", R"({"instance_id":"i","state":"new","wal_offset":12})");
  const auto made = client_.create_instance({.machine = "m",
                                             .version = 4,
                                             .instance_id = "i",
                                             .initial_ctx = R"({"n":9007199254740993})",
                                             .idempotency_key = "k"});
  ASSERT_RESULT(made);
  EXPECT_EQ(sent("CREATE_INSTANCE"),
            R"({"machine":"m","version":4,"instance_id":"i","initial_ctx":)"
            R"({"n":9007199254740993},"idempotency_key":"k"})");
  EXPECT_EQ(made->state, "new");
  EXPECT_EQ(made->wal_offset, 12u);
}

TEST_F(Operations, GetInstance) {
  server_.always("GET_INSTANCE",
                 R"({"instance_id":"i","id":"i","machine":"m","version":1,"state":"s",)"
                 R"("ctx":{"big":18446744073709551615,"d":0.10},"last_event_id":"e",)"
                 R"("last_wal_offset":7,"created_at":1700000000000,"updated_at":1700000000001})");
  const auto instance = client_.get_instance("i");
  ASSERT_RESULT(instance);
  EXPECT_EQ(sent("GET_INSTANCE"), R"({"instance_id":"i"})");
  EXPECT_EQ(instance->ctx, R"({"big":18446744073709551615,"d":0.10})");
  EXPECT_EQ(instance->last_event_id, "e");
  EXPECT_EQ(instance->created_at, 1700000000000);
}

TEST_F(Operations, ListInstances) {
  server_.always("LIST_INSTANCES",
                 R"({"instances":[{"id":"i","machine":"m","version":1,"state":"s",)"
                 R"("created_at":1,"updated_at":2,"last_wal_offset":3}],"total":9,)"
                 R"("has_more":true,"next_cursor":"c2"})");
  const auto page = client_.list_instances(
      {.machine = "m", .state = "s", .limit = 1, .offset = 0, .cursor = "c1"});
  ASSERT_RESULT(page);
  EXPECT_EQ(sent("LIST_INSTANCES"),
            R"({"machine":"m","state":"s","limit":1,"offset":0,"cursor":"c1"})");
  ASSERT_EQ(page->instances.size(), 1u);
  EXPECT_EQ(page->instances[0].last_wal_offset, 3u);
  EXPECT_EQ(page->next_cursor, "c2");
}

TEST_F(Operations, ApplyEvent) {
  server_.always("APPLY_EVENT", R"({"from_state":"a","to_state":"b","ctx":{"x":1},"wal_offset":8,)"
                                R"("applied":true,"event_id":"e1"})");
  const auto done = client_.apply_event({.instance_id = "i",
                                         .event = "GO",
                                         .payload = R"({"x":1})",
                                         .expected_state = "a",
                                         .expected_wal_offset = 7,
                                         .event_id = "e1",
                                         .idempotency_key = "k"});
  ASSERT_RESULT(done);
  EXPECT_EQ(sent("APPLY_EVENT"),
            R"({"instance_id":"i","event":"GO","payload":{"x":1},"expected_state":"a",)"
            R"("expected_wal_offset":7,"event_id":"e1","idempotency_key":"k"})");
  EXPECT_EQ(done->to_state, "b");
  EXPECT_EQ(done->ctx, R"({"x":1})");
  EXPECT_TRUE(done->applied);
}

TEST_F(Operations, OptionalFieldsAreLeftOut) {
  server_.always("APPLY_EVENT",
                 R"({"from_state":"a","to_state":"b","ctx":{},"wal_offset":8,"applied":false})");
  const auto done = client_.apply_event({.instance_id = "i", .event = "GO"});
  ASSERT_RESULT(done);
  EXPECT_EQ(sent("APPLY_EVENT"), R"({"instance_id":"i","event":"GO"})");
  EXPECT_EQ(done->event_id, "");
}

TEST_F(Operations, DeleteInstance) {
  server_.always("DELETE_INSTANCE", R"({"instance_id":"i","deleted":true,"wal_offset":5})");
  const auto gone = client_.delete_instance({.instance_id = "i"});
  ASSERT_RESULT(gone);
  EXPECT_EQ(sent("DELETE_INSTANCE"), R"({"instance_id":"i"})");
  EXPECT_TRUE(gone->deleted);
}

TEST_F(Operations, BatchHasATypedResultOrAnErrorForEachOperation) {
  server_.always("BATCH",
                 R"({"results":[{"status":"ok","result":{"instance_id":"i","state":"s",)"
                 R"("wal_offset":1}},{"status":"error","error":{"code":"GUARD_FAILED",)"
                 R"("message":"no","retryable":false,"details":{"guard":"ctx.ok"}}},)"
                 R"({"status":"ok","result":{"instance_id":"i","deleted":true,"wal_offset":2}}],)"
                 R"("wal_offset":2})");
  const auto done = client_.batch(
      {.mode = BatchMode::kBestEffort,
       .ops = {CreateInstance{.machine = "m", .instance_id = "i"},
               ApplyEvent{.instance_id = "i", .event = "GO"}, DeleteInstance{.instance_id = "i"}}});
  ASSERT_RESULT(done);
  EXPECT_EQ(sent("BATCH"),
            R"({"mode":"best_effort","ops":[{"op":"CREATE_INSTANCE","params":{"machine":"m",)"
            R"("version":1,"instance_id":"i"}},{"op":"APPLY_EVENT","params":{"instance_id":"i",)"
            R"("event":"GO"}},{"op":"DELETE_INSTANCE","params":{"instance_id":"i"}}]})");
  ASSERT_EQ(done->results.size(), 3u);
  EXPECT_EQ(std::get<InstanceCreated>(done->results[0].value()).state, "s");
  EXPECT_EQ(done->results[1].error().code(), ErrorCode::kGuardFailed);
  EXPECT_EQ(done->results[1].error().detail("guard"), "ctx.ok");
  EXPECT_TRUE(std::get<InstanceDeleted>(done->results[2].value()).deleted);
  EXPECT_EQ(done->wal_offset, 2u);
}

TEST_F(Operations, ABatchAnsweredWithTheWrongNumberOfResultsIsRefused) {
  server_.always("BATCH", R"({"results":[],"wal_offset":2})");
  const auto done =
      client_.batch({.mode = BatchMode::kAtomic, .ops = {DeleteInstance{.instance_id = "i"}}});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::kProtocol);
}

TEST_F(Operations, FlushAllAndCompactAndSnapshot) {
  server_.always("FLUSH_ALL", R"({"flushed":true,"instances_removed":2,"machines_removed":1})");
  const auto flushed = client_.flush_all();
  ASSERT_RESULT(flushed);
  EXPECT_EQ(flushed->instances_removed, 2u);
  server_.always("COMPACT", R"({"snapshots_created":1,"segments_deleted":2,"bytes_reclaimed":3,)"
                            R"("total_snapshots":4,"wal_segments":5})");
  const auto compacted = client_.compact(CompactMode::kForceSnapshot);
  ASSERT_RESULT(compacted);
  EXPECT_EQ(sent("COMPACT"), R"({"force_snapshot":true})");
  EXPECT_EQ(compacted->bytes_reclaimed, 3u);
  server_.always("SNAPSHOT_INSTANCE",
                 R"({"instance_id":"i","snapshot_id":"s","wal_offset":1,"size_bytes":2,)"
                 R"("checksum":"c"})");
  const auto snapshot = client_.snapshot_instance("i");
  ASSERT_RESULT(snapshot);
  EXPECT_EQ(snapshot->snapshot_id, "s");
}

TEST_F(Operations, WalReadAndStats) {
  server_.always("WAL_READ",
                 R"({"records":[{"sequence":1,"offset":1,"entry":{"type":"checkpoint"}}],)"
                 R"("next_offset":2})");
  const auto page = client_.wal_read(1, 50);
  ASSERT_RESULT(page);
  EXPECT_EQ(sent("WAL_READ"), R"({"from_offset":1,"limit":50})");
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0].entry, R"({"type":"checkpoint"})");
  EXPECT_EQ(page->next_offset, 2u);
  server_.always("WAL_READ", R"({"records":[],"next_offset":null})");
  EXPECT_FALSE(client_.wal_read(9).value().next_offset.has_value());
  server_.always("WAL_STATS",
                 R"({"entry_count":1,"segment_count":2,"total_size_bytes":3,"latest_offset":4,)"
                 R"("io_stats":{"bytes_written":5,"bytes_read":6,"writes":7,"reads":8,)"
                 R"("fsyncs":9}})");
  const auto stats = client_.wal_stats();
  ASSERT_RESULT(stats);
  EXPECT_EQ(stats->latest_offset, 4u);
  EXPECT_EQ(stats->fsyncs, 9u);
}

TEST_F(Operations, AnyOperationByName) {
  server_.always("NEW_THING", R"({"a":[1,2.50]})");
  EXPECT_EQ(client_.call("NEW_THING", R"({"x":{"y":1}})").value(), R"({"a":[1,2.50]})");
  EXPECT_EQ(sent("NEW_THING"), R"({"x":{"y":1}})");
}

TEST_F(Operations, WhatCannotBeSentIsRefusedHere) {
  const auto payload =
      client_.apply_event({.instance_id = "i", .event = "E", .payload = "{\"a\":\n 1,}"});
  ASSERT_FALSE(payload.ok());
  EXPECT_EQ(payload.error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(payload.error().detail("field"), "payload");
  EXPECT_EQ(payload.error().detail("line"), "2");
  // Text that would close the parameters and open others is no JSON value either.
  EXPECT_FALSE(
      client_.apply_event({.instance_id = "i", .event = "E", .payload = "{},\"x\":1"}).ok());
  EXPECT_FALSE(client_.get_instance("\xff").ok());
  EXPECT_FALSE(client_.call("PING", "[]").ok());
  EXPECT_FALSE(client_.call("PING", "{").ok());
  EXPECT_THROW(client_.get_instance("\xc0\x80").value(), ArgumentError);
  const std::string large = "{\"a\":\"" + std::string(17 * 1024 * 1024, 'x') + "\"}";
  EXPECT_EQ(client_.call("PING", large).error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(server_.received().size(), 1u) << "only HELLO may have been sent";
}

TEST_F(Operations, AnAnswerWithoutAPromisedFieldNamesIt) {
  server_.always("CREATE_INSTANCE", R"({"instance_id":"i","state":7,"wal_offset":1})");
  const auto made = client_.create_instance({.machine = "m"});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind(), ErrorKind::kProtocol);
  EXPECT_THAT(made.error().message(), testing::HasSubstr("state"));
  server_.always("CREATE_INSTANCE", R"({"instance_id":"i","state":"s","wal_offset":-1})");
  EXPECT_EQ(client_.create_instance({.machine = "m"}).error().kind(), ErrorKind::kProtocol);
}

TEST_F(Operations, EveryServerErrorHasItsCodeDetailsAndClass) {
  const auto refused_with = [this](const std::string& code) {
    server_.on("GET_INSTANCE", [code](Peer& peer, const Received& r) {
      peer.refuse(r.id, code, "text", R"({"n":7,"s":"t"})");
    });
    return client_.get_instance("i");
  };
  const auto missing = refused_with("INSTANCE_NOT_FOUND");
  EXPECT_EQ(missing.error().kind(), ErrorKind::kServer);
  EXPECT_EQ(missing.error().code(), ErrorCode::kInstanceNotFound);
  EXPECT_EQ(missing.error().detail("n"), "7");
  EXPECT_EQ(missing.error().detail("s"), "t");
  EXPECT_FALSE(missing.error().maybe_applied());
  EXPECT_THROW(missing.value(), NotFound);
  EXPECT_THROW(refused_with("MACHINE_NOT_FOUND").value(), NotFound);
  EXPECT_THROW(refused_with("NOT_FOUND").value(), NotFound);
  EXPECT_THROW(refused_with("CONFLICT").value(), Conflict);
  EXPECT_THROW(refused_with("INVALID_TRANSITION").value(), InvalidTransition);
  EXPECT_THROW(refused_with("GUARD_FAILED").value(), GuardFailed);
  EXPECT_THROW(refused_with("UNAUTHORIZED").value(), Authentication);
  EXPECT_THROW(refused_with("AUTH_FAILED").value(), Authentication);
  EXPECT_THROW(refused_with("RATE_LIMITED").value(), RateLimited);
  EXPECT_THROW(refused_with("MACHINE_VERSION_LIMIT_EXCEEDED").value(), RateLimited);
  EXPECT_THROW(refused_with("INSTANCE_EXISTS").value(), AlreadyExists);
  EXPECT_THROW(refused_with("MACHINE_VERSION_EXISTS").value(), AlreadyExists);
  EXPECT_THROW(refused_with("BAD_REQUEST").value(), BadRequest);
  EXPECT_THROW(refused_with("UNSUPPORTED_PROTOCOL").value(), BadRequest);
  EXPECT_THROW(refused_with("WAL_IO_ERROR").value(), ServerFault);
  EXPECT_TRUE(refused_with("WAL_IO_ERROR").error().maybe_applied());
  EXPECT_TRUE(refused_with("RATE_LIMITED").error().retryable());
  const auto unknown = refused_with("FROM_THE_FUTURE");
  EXPECT_EQ(unknown.error().code(), ErrorCode::kOther);
  EXPECT_EQ(unknown.error().code_text(), "FROM_THE_FUTURE");
  EXPECT_THROW(unknown.value(), ServerError);
}

TEST(OperationsOnJsonl, TheSameMessagesTravelAsLines) {
  FakeServer server;
  Options options = options_for(server);
  options.wire = Wire::kJsonl;
  auto client = Client::connect(options);
  ASSERT_RESULT(client);
  EXPECT_RESULT(client->ping());
  EXPECT_THAT(server.received("HELLO")[0].params, testing::HasSubstr(R"("wire_modes":["jsonl"])"));
}

TEST(OperationsKeys, EveryWriteIsGivenItsOwnKeyAndKeepsAGivenOne) {
  FakeServer server;
  Client client = connect_to(server);
  (void)client.apply_event({.instance_id = "i", .event = "E"});
  (void)client.apply_event({.instance_id = "i", .event = "E"});
  (void)client.apply_event({.instance_id = "i", .event = "E", .idempotency_key = "mine"});
  (void)client.create_instance({.machine = "m"});
  (void)client.delete_instance({.instance_id = "i"});
  (void)client.batch({.ops = {DeleteInstance{.instance_id = "a"}, CreateInstance{.machine = "m"}}});
  std::set<std::string> keys;
  const auto key_at = [](const std::string& params, std::string_view path) {
    return std::string(Json::parse(params).value().at(path).string());
  };
  for (const Received& r : server.received()) {
    if (r.op == "HELLO") continue;
    if (r.op == "BATCH") {
      keys.insert(key_at(r.params, "ops[0].params.idempotency_key"));
      keys.insert(key_at(r.params, "ops[1].params.idempotency_key"));
    } else {
      keys.insert(key_at(r.params, "idempotency_key"));
    }
  }
  EXPECT_EQ(keys.size(), 7u);
  EXPECT_EQ(keys.count("mine"), 1u);
  EXPECT_EQ(keys.count(""), 0u);
}

}  // namespace
}  // namespace rstmdb::client
