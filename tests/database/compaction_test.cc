// Compaction as a client meets it: answers that come later, ends in between, what is left of the
// log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/logging.h"
#include "simulated_process.h"

namespace rstmdb::app {
namespace {

using testing::HasSubstr;

class CompactionOverTheWire : public testing::Test {
 protected:
  CompactionOverTheWire() { set_logging(Level::kError, LogFormat::kJson); }

  config::Config config() {
    config::Config config = settings();
    config.compaction.enabled = false;
    return config;
  }
  void open() { ASSERT_TRUE(process_.open(config()).ok()); }
  /// About 100 KiB of log for each of `count` requests.
  void fill(server::TestClient& client, int count) {
    client.send("p", "PUT_MACHINE", kMachine);
    EXPECT_THAT(client.answer(), HasSubstr("\"ok\""));
    const std::string text(100'000, 'x');
    for (int i = 0; i < count; ++i) {
      client.send("c", "CREATE_INSTANCE",
                  R"({"machine":"m","version":1,"initial_ctx":{"t":")" + text + R"("}})");
      EXPECT_THAT(client.answer(), HasSubstr("\"ok\""));
    }
  }

  io::SimulatedFileSystem files_;
  Process process_{files_};
};

TEST_F(CompactionOverTheWire, requests_behind_it_are_answered_meanwhile) {
  open();
  auto client = process_.connect();
  fill(*client, 5);
  client->send("later", "COMPACT");
  client->send("now", "PING");
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"now")"));
  const std::string answer = client->answer();
  EXPECT_THAT(answer, HasSubstr(R"("id":"later","status":"ok")"));
  EXPECT_THAT(answer, HasSubstr(R"("snapshots_created":1)"));
}

TEST_F(CompactionOverTheWire, a_connection_that_has_gone_leaves_the_snapshot) {
  open();
  auto other = process_.connect();
  fill(*other, 5);
  auto client = process_.connect();
  client->send("1", "COMPACT", R"({"force_snapshot":true})");
  ASSERT_TRUE(process_.loop().run_until(
      [&] { return process_.database().compaction().stats().running; }, 1000));
  client.reset();
  process_.run_for(1000);
  EXPECT_EQ(process_.database().compaction().stats().snapshots_taken, 1u);
  other->send("p", "PING");
  EXPECT_THAT(other->answer(), HasSubstr("pong"));
}

TEST_F(CompactionOverTheWire, a_client_that_has_said_goodbye_still_gets_its_answer) {
  open();
  auto client = process_.connect();
  fill(*client, 3);
  client->send("c", "COMPACT");
  client->send("b", "BYE");
  EXPECT_THAT(client->answer(), HasSubstr("goodbye"));
  EXPECT_THAT(client->answer(), HasSubstr(R"("id":"c","status":"ok")"));
  EXPECT_TRUE(client->ended());
}

TEST_F(CompactionOverTheWire, a_stop_gives_it_up_and_says_so) {
  open();
  auto client = process_.connect();
  fill(*client, 5);
  client->send("c", "COMPACT");
  process_.loop().run_until([&] { return process_.database().compaction().stats().running; }, 100);
  EXPECT_TRUE(process_.stop());
  const std::string answer = client->answer();
  EXPECT_THAT(answer, HasSubstr(R"("code":"RATE_LIMITED")"));
  EXPECT_THAT(answer, HasSubstr("STOPPING"));
}

TEST_F(CompactionOverTheWire, below_the_oldest_offset_there_is_a_definite_answer) {
  open();
  auto client = process_.connect();
  uint64_t deleted = 0;
  for (int round = 0; round < 2; ++round) {
    fill(*client, 25);
    client->send("c", "COMPACT");
    EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
    deleted = process_.database().compaction().stats().segments_deleted;
  }
  EXPECT_GT(deleted, 0u);
  client->send("r", "WAL_READ", R"({"from_offset":1})");
  const std::string refused = client->answer();
  EXPECT_THAT(refused, HasSubstr("NOT_FOUND"));
  const uint64_t oldest = process_.node().log().stats().oldest_offset;
  EXPECT_GT(oldest, 1u);
  EXPECT_THAT(refused, HasSubstr("\"oldest_offset\":" + std::to_string(oldest)));
  client->send("s", "WAL_STATS");
  EXPECT_THAT(client->answer(),
              HasSubstr("\"entry_count\":" + std::to_string(process_.node().head() + 1 - oldest)));
  client->send("r", "WAL_READ", R"({"from_offset":0,"limit":1})");
  EXPECT_THAT(client->answer(), HasSubstr("\"offset\":" + std::to_string(oldest)));
}

TEST_F(CompactionOverTheWire, what_a_slow_watcher_has_ahead_stays) {
  open();
  auto client = process_.connect();
  fill(*client, 25);
  auto watcher = process_.connect();
  watcher->send("w", "WATCH_ALL", R"({"from_offset":1,"kinds":["create"]})");
  watcher->peer().pause();
  for (int round = 0; round < 3; ++round) {
    fill(*client, 25);
    client->send("c", "COMPACT");
    EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  }
  EXPECT_LE(process_.node().log().stats().oldest_offset, process_.hub().oldest_needed());
}

TEST_F(CompactionOverTheWire, by_itself_and_over_a_restart_with_keys) {
  config::Config often = settings();
  often.compaction.events_threshold = 10;
  often.compaction.min_interval_secs = 1;
  Hash128 before;
  {
    Process process(files_, 5);
    ASSERT_TRUE(process.open(often).ok());
    auto client = process.connect();
    fill(*client, 0);
    for (int i = 0; i < 200; ++i) {
      const std::string id = "k" + std::to_string(i);
      client->send(id, "CREATE_INSTANCE",
                   R"({"machine":"m","version":1,"idempotency_key":")" + id + "\"}");
      EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
      process.run_for(100);
    }
    EXPECT_GE(process.database().compaction().stats().snapshots_taken, 2u);
    before = process.state_hash();
    files_.kill();
  }
  ASSERT_TRUE(process_.open(often).ok());
  EXPECT_GT(process_.database().start_stats().snapshot_bytes, 0u);
  EXPECT_LT(process_.database().start_stats().replay.records_done, 100u);
  EXPECT_EQ(process_.state_hash(), before);
  auto client = process_.connect();
  client->send("again", "CREATE_INSTANCE", R"({"machine":"m","version":1,"idempotency_key":"k7"})");
  EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  EXPECT_EQ(process_.state_hash(), before) << "a repetition has no second effect";
}

}  // namespace
}  // namespace rstmdb::app
