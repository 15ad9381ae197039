// The client and its examples against the real server.
#include "client_fixture.h"
#include "process.h"

namespace rstmdb::client {
namespace {

constexpr const char* kOrder = R"({
  "states": ["new", "paid", "shipped"],
  "initial": "new",
  "transitions": [
    {"from": "new", "event": "PAY", "to": "paid", "guard": "ctx.total > 0"},
    {"from": "paid", "event": "SHIP", "to": "shipped"}
  ]})";

class RealServerTest : public testing::Test {
 protected:
  Options options() const { return {.host = "127.0.0.1", .port = server_.port()}; }
  void run_example(const std::string& name, const std::string& last_line) {
    const auto done = fake::run_process(
        {fake::built_program("example_" + name), "127.0.0.1", std::to_string(server_.port())});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    EXPECT_TRUE(done.out.ends_with(last_line + "\n")) << done.out;
  }
  fake::RealServer server_;
};

TEST_F(RealServerTest, EveryOperationOfThisRelease) {
  Client client = Client::connect(options()).value();
  EXPECT_RESULT(client.ping());
  EXPECT_EQ(client.info().value().server_name, "rstmdb");
  EXPECT_TRUE(client.put_machine({.machine = "order", .definition = kOrder}).value().created);
  EXPECT_FALSE(client.put_machine({.machine = "order", .definition = kOrder}).value().created);
  EXPECT_EQ(client.get_machine("order").value().version, 1u);
  EXPECT_EQ(client.list_machines().value().items.at(0).machine, "order");
  EXPECT_EQ(client
                .create_instance({.machine = "order",
                                  .instance_id = "o1",
                                  .initial_ctx = R"({"total":18446744073709551615,"d":0.10})"})
                .value()
                .state,
            "new");
  const auto paid = client.apply_event({.instance_id = "o1", .event = "PAY"});
  ASSERT_RESULT(paid);
  EXPECT_EQ(paid->to_state, "paid");
  EXPECT_EQ(paid->ctx, R"({"total":18446744073709551615,"d":0.10})");
  EXPECT_EQ(client.apply_event({.instance_id = "o1", .event = "PAY"}).error().code(),
            ErrorCode::kInvalidTransition);
  EXPECT_EQ(client.get_instance("o1").value().state, "paid");
  EXPECT_EQ(client.list_instances({.state = "paid"}).value().instances.at(0).id, "o1");
  const auto batch = client.batch({.mode = BatchMode::kAtomic,
                                   .ops = {CreateInstance{.machine = "order", .instance_id = "o2"},
                                           DeleteInstance{.instance_id = "o2"}}});
  ASSERT_RESULT(batch);
  EXPECT_EQ(batch->results.size(), 2u);
  EXPECT_EQ(client.get_instance("o2").error().code(), ErrorCode::kInstanceNotFound);
  const auto page = client.wal_read(1);
  ASSERT_RESULT(page);
  EXPECT_GE(page->records.size(), 4u);
  EXPECT_GE(client.wal_stats().value().latest_offset, 4u);
  EXPECT_TRUE(client.delete_instance({.instance_id = "o1"}).value().deleted);
  EXPECT_EQ(client.flush_all().error().code(), ErrorCode::kBadRequest);
}

TEST_F(RealServerTest, JsonlSaysTheSame) {
  Options jsonl = options();
  jsonl.wire = Wire::kJsonl;
  Client client = Client::connect(jsonl).value();
  EXPECT_TRUE(client.put_machine({.machine = "m", .definition = kOrder}).value().created);
  EXPECT_EQ(client.get_instance("none").error().code(), ErrorCode::kInstanceNotFound);
}

TEST_F(RealServerTest, AKillUnderLoadDoublesNothingAndLosesNothing) {
  Options patient = options();
  patient.request_timeout = 60s;
  Client client = Client::connect(patient).value();
  constexpr const char* kCounter = R"({"states":["on"],"initial":"on",
      "transitions":[{"from":"on","event":"TICK","to":"on"}]})";
  ASSERT_RESULT(client.put_machine({.machine = "counter", .definition = kCounter}));
  ASSERT_RESULT(client.create_instance({.machine = "counter", .instance_id = "c"}));
  constexpr int kCalls = 2000;
  std::vector<Future<EventApplied>> futures;
  for (int i = 0; i < kCalls; ++i) {
    futures.push_back(client.apply_event_async(
        {.instance_id = "c", .event = "TICK", .payload = R"({"n":)" + std::to_string(i) + "}"}));
  }
  ASSERT_RESULT(futures[kCalls / 20].get());
  server_.restart();
  for (int i = 0; i < kCalls; ++i) {
    const auto done = futures[i].get();
    ASSERT_RESULT(done);
    EXPECT_EQ(done->ctx, R"({"n":)" + std::to_string(i) + "}");
  }
  // The log has each of them once, in the order of the calls.
  int next = 0;
  uint64_t offset = 1;
  while (true) {
    const auto page = client.wal_read(offset, 1000);
    ASSERT_RESULT(page);
    for (const LogRecord& record : page->records) {
      const Json entry = Json::parse(record.entry).value();
      if (entry["type"].string() != "apply_event") continue;
      EXPECT_EQ(entry.at("payload.n").as_int64(), next++);
    }
    if (!page->next_offset) break;
    offset = *page->next_offset;
  }
  EXPECT_EQ(next, kCalls);
}

TEST_F(RealServerTest, AWatchGoesOnOverAKillWithoutGapOrRepetition) {
  Options patient = options();
  patient.request_timeout = 60s;
  Client client = Client::connect(patient).value();
  constexpr const char* kCounter = R"({"states":["on"],"initial":"on",
      "transitions":[{"from":"on","event":"TICK","to":"on"}]})";
  ASSERT_RESULT(client.put_machine({.machine = "counter", .definition = kCounter}));
  auto watch = client.watch_all({.kinds = {"transition", "create", "delete"}});
  ASSERT_RESULT(watch);
  EXPECT_EQ(watch->start_offset(), 1u);
  ASSERT_RESULT(client.create_instance({.machine = "counter", .instance_id = "c"}));
  auto one = client.watch_instance({.instance_id = "c", .include_ctx = false});
  ASSERT_RESULT(one);
  EXPECT_EQ(one->start_state(), "on");
  constexpr int kCalls = 2000;
  std::vector<Future<EventApplied>> futures;
  for (int i = 0; i < kCalls; ++i) {
    futures.push_back(client.apply_event_async(
        {.instance_id = "c", .event = "TICK", .payload = R"({"n":)" + std::to_string(i) + "}"}));
  }
  ASSERT_RESULT(futures[kCalls / 20].get());
  server_.restart();
  for (auto& future : futures) ASSERT_RESULT(future.get());
  ASSERT_RESULT(client.delete_instance({.instance_id = "c"}));
  for (int i = -1; i <= kCalls; ++i) {
    const auto next = watch->next(20s);
    ASSERT_RESULT(next);
    ASSERT_TRUE(next->has_value()) << "nothing at " << i;
    EXPECT_EQ((*next)->wal_offset, static_cast<uint64_t>(i + 3));
    EXPECT_EQ((*next)->kind, i < 0 ? "create" : i < kCalls ? "transition" : "delete");
    const bool transition = i >= 0 && i < kCalls;
    EXPECT_EQ((*next)->ctx,
              !transition ? i < 0 ? "{}" : "null" : R"({"n":)" + std::to_string(i) + "}");
  }
  // A watch of one instance that was cut off comes back only while the instance is there.
  for (int i = 0; i < kCalls; ++i) {
    const auto next = one->next(20s);
    if (!next.ok()) {
      EXPECT_EQ(next.error().code(), ErrorCode::kInstanceNotFound);
      break;
    }
    ASSERT_TRUE(next->has_value()) << "nothing at " << i;
    EXPECT_EQ((*next)->payload, R"({"n":)" + std::to_string(i) + "}");
    EXPECT_EQ((*next)->ctx, "");
  }
  ASSERT_RESULT(watch->close());
}

TEST_F(RealServerTest, ExampleWatch) {
  run_example("watch", "seen 3, resumed behind offset 4, then seen 2");
}
TEST_F(RealServerTest, ExampleQuickstart) { run_example("quickstart", "room kitchen is open"); }
TEST_F(RealServerTest, ExampleBatch) {
  run_example("batch", "refused at operation 1, nothing kept");
}
TEST_F(RealServerTest, ExamplePipelining) { run_example("pipelining", "1000 answers, 0 errors"); }
TEST_F(RealServerTest, ExampleOptimistic) { run_example("optimistic", "balance 40"); }
TEST_F(RealServerTest, ExamplePaging) { run_example("paging", "25 instances on 3 pages"); }

}  // namespace
}  // namespace rstmdb::client
