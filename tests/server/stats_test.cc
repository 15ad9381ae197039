// What the server counts while it serves.
#include "server/stats.h"

#include <gmock/gmock.h>

#include "server_fixture.h"

namespace rstmdb::server {
namespace {

using testing::HasSubstr;

class StatsTest : public ServerFixture {
 protected:
  StatsTest() { commit_ = log::MemoryLog::Commit::kWhenTold; }
  const api::OperationStats& of(api::Operation operation) const {
    return server_->stats().operations[static_cast<size_t>(operation)];
  }
  uint64_t errors(Code code) const { return server_->stats().errors[static_cast<size_t>(code)]; }
};

TEST_F(StatsTest, AWriteTakesUntilItIsDurable) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  loop_.run_for(1'500);
  EXPECT_EQ(of(api::Operation::kApplyEvent).requests, 1u);
  EXPECT_EQ(of(api::Operation::kApplyEvent).duration_ns.count(), 0u) << "still waits for the disk";
  log_->commit_flushed();
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_EQ(of(api::Operation::kApplyEvent).duration_ns.count(), 1u);
  EXPECT_GE(of(api::Operation::kApplyEvent).duration_ns.sum(), 1'499'000'000);
  client->send("p", "PING");
  EXPECT_THAT(client->answer(), HasSubstr("pong"));
  EXPECT_EQ(of(api::Operation::kPing).duration_ns.count(), 1u);
  EXPECT_LT(of(api::Operation::kPing).duration_ns.sum(), 1'000'000);
}

TEST_F(StatsTest, ErrorsAreCountedByCodeAndUnreadableRequestsAsUnknown) {
  start();
  prepare();
  auto client = connect();
  client->send("a", "GET_INSTANCE", R"({"instance_id":"none"})");
  client->send("b", "NO_SUCH_THING");
  client->send_payload("{]");
  client->send_payload(R"({"type":"request","id":"x"})");
  for (int i = 0; i < 4; ++i) EXPECT_THAT(client->answer(), HasSubstr(R"("status":"error")"));
  EXPECT_EQ(errors(Code::kInstanceNotFound), 1u);
  EXPECT_EQ(errors(Code::kBadRequest), 3u);
  EXPECT_EQ(server_->stats().operations[api::kUnknownOperation].requests, 3u);
  EXPECT_EQ(server_->stats().operations[api::kUnknownOperation].duration_ns.count(), 3u);
}

TEST_F(StatsTest, WithdrawnWritesCountAsErrorsAndAreMeasured) {
  start();
  prepare();
  auto client = connect();
  client->send("w", "APPLY_EVENT", R"({"instance_id":"i","event":"GO"})");
  loop_.run_for(1);
  log_->fail(Error(Code::kWalIoError, "no space"));
  EXPECT_THAT(client->answer(), HasSubstr("WAL_IO_ERROR"));
  EXPECT_EQ(errors(Code::kWalIoError), 1u);
  EXPECT_EQ(of(api::Operation::kApplyEvent).duration_ns.count(), 1u);
}

TEST_F(StatsTest, ConnectionsAreCountedServedAndRefused) {
  connections_max_ = 1;
  start();
  auto first = connect();
  first->send("p", "PING");
  EXPECT_THAT(first->answer(), HasSubstr("pong"));
  auto second = connect();
  second->send("p", "PING");
  EXPECT_THAT(second->answer(), HasSubstr("TOO_MANY_CONNECTIONS"));
  EXPECT_EQ(server_->stats().connections, 2u);
  EXPECT_EQ(server_->stats().connections_refused, 1u);
  EXPECT_EQ(server_->stats().connections_active, 1u);
  first->peer().close();
  ASSERT_TRUE(loop_.run_until([&] { return server_->stats().connections_active == 0; }, 5'000));
}

}  // namespace
}  // namespace rstmdb::server
