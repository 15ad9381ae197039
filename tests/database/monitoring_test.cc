// Health and metrics of an assembled database in a simulated world, where its disk can fail.
#include "app/monitoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/database.h"
#include "base/logging.h"
#include "io/simulated_file_system.h"
#include "io/simulated_loop.h"
#include "io/simulated_net.h"
#include "io/simulated_random.h"
#include "test_client.h"

namespace rstmdb::app {
namespace {

using io::SimulatedFileSystem;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kMachine =
    R"({"machine":"m","version":1,"definition":{"states":["a"],"initial":"a","transitions":[]}})";

class MonitoringTest : public testing::Test {
 protected:
  MonitoringTest() { set_logging(Level::kError, LogFormat::kJson); }

  void start() {
    config::Config config;
    config.network.bind_addr = "127.0.0.1:7401";
    config.storage.data_dir = "/data";
    config.metrics.enabled = true;
    config.metrics.bind_addr = "127.0.0.1:9090";
    auto opened =
        Database::open({.loop = loop_,
                        .worker = worker_,
                        .handshakes = worker_,
                        .background = background_,
                        .net = net_,
                        .files = files_,
                        .clock = clock_,
                        .random = random_},
                       config, {}, [this](const std::string& step) { steps_.push_back(step); });
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    database_ = std::move(opened).value();
  }
  std::string write(std::string_view operation, std::string_view params) {
    server::TestClient client(loop_, net_.connect("127.0.0.1:7401").value(), wire::Dialect::kRcpx);
    client.send("w", operation, params);
    return client.answer();
  }
  /// What a scraper gets, once a page that was made before has gone out of date.
  std::string get(const std::string& path) {
    loop_.run_for(limits::kMetricsAgeMs + 1);
    auto peer = net_.connect("127.0.0.1:9090").value();
    peer->send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(loop_.run_until([&] { return peer->ended(); }, 5'000));
    return peer->received();
  }

  SimulatedFileSystem files_;
  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  io::SimulatedRandom random_{1};
  io::SimulatedWorker worker_{loop_};
  io::SimulatedWorker background_{loop_};
  io::SimulatedNet net_{loop_};
  std::vector<std::string> steps_;
  std::unique_ptr<Database> database_;
};

TEST_F(MonitoringTest, AFailedLogIsSeenAndTheProcessStaysAlive) {
  start();
  EXPECT_THAT(write("PUT_MACHINE", kMachine), HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(get("/readyz"), HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(get("/metrics"), HasSubstr("\nrstmdb_log_failed 0\n"));
  files_.inject({.call = SimulatedFileSystem::Call::kSync});
  EXPECT_THAT(write("CREATE_INSTANCE", R"({"machine":"m","version":1})"),
              HasSubstr("WAL_IO_ERROR"));
  const std::string ready = get("/readyz");
  EXPECT_THAT(ready, HasSubstr("HTTP/1.1 503 Service Unavailable"));
  EXPECT_THAT(ready, HasSubstr(R"({"name":"log","ok":false,"reason":)"));
  EXPECT_THAT(get("/healthz"), HasSubstr("HTTP/1.1 200 OK"));
  const std::string metrics = get("/metrics");
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_log_failed 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_ready 0\n"));
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_errors_total{code=\"WAL_IO_ERROR\"} 1\n"));
}

TEST_F(MonitoringTest, AFullDiskIsSeenUntilThereIsRoomAgain) {
  constexpr uint64_t kMiB = 1024 * 1024;
  files_.set_free_bytes(1'000 * kMiB);
  start();
  loop_.run_for(2'000);
  EXPECT_THAT(get("/metrics"), HasSubstr("\nrstmdb_disk_reserve_reached 0\n"));
  files_.set_free_bytes(100 * kMiB);
  loop_.run_for(2'000);
  EXPECT_THAT(write("PUT_MACHINE", kMachine), HasSubstr("RATE_LIMITED"));
  const std::string ready = get("/readyz");
  EXPECT_THAT(ready, HasSubstr("HTTP/1.1 503 "));
  EXPECT_THAT(ready, HasSubstr(R"({"name":"disk","ok":false,"reason":)"));
  const std::string metrics = get("/metrics");
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_disk_reserve_reached 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_disk_free_bytes 104857600\n"));
  EXPECT_THAT(metrics, HasSubstr("\nrstmdb_disk_refused_writes_total 1\n"));
  files_.set_free_bytes(1'000 * kMiB);
  loop_.run_for(2'000);
  EXPECT_THAT(get("/readyz"), HasSubstr("HTTP/1.1 200 "));
}

TEST_F(MonitoringTest, AServerThatStopsIsNotReady) {
  start();
  EXPECT_TRUE(database_->monitoring().readiness().ready());
  std::optional<bool> clean;
  database_->stop([&](const Result<void>& closed) { clean = closed.ok(); });
  const std::string ready = database_->monitoring().readiness().page().body;
  EXPECT_THAT(ready, HasSubstr(R"({"name":"stopping","ok":false,)"));
  ASSERT_TRUE(loop_.run_until([&] { return clean.has_value(); }, 20'000));
  EXPECT_TRUE(*clean);
  EXPECT_THAT(get("/readyz"), HasSubstr("503")) << "the door stays open to the end";
}

TEST_F(MonitoringTest, APageIsMadeAtMostTenTimesASecond) {
  start();
  Monitoring& monitoring = database_->monitoring();
  int made = 0;
  monitoring.add_source([&](metrics::Text&) { ++made; });
  for (int i = 0; i < 100; ++i) {
    monitoring.metrics_page();
    loop_.run_for(limits::kMetricsAgeMs / 10);
  }
  EXPECT_EQ(made, 10);
}

TEST_F(MonitoringTest, ARestartSaysHowFarItIs) {
  start();
  EXPECT_THAT(write("PUT_MACHINE", kMachine), HasSubstr(R"("status":"ok")"));
  for (int i = 0; i < 5; ++i)
    write("CREATE_INSTANCE",
          R"({"machine":"m","version":1,"instance_id":"i)" + std::to_string(i) + "\"}");
  database_.reset();
  files_.kill();
  steps_.clear();
  start();
  EXPECT_THAT(steps_, testing::Contains("recovering: 6 of 6 records"));
  EXPECT_THAT(get("/metrics"), HasSubstr("\nrstmdb_instances_total 5\n"));
}

}  // namespace
}  // namespace rstmdb::app
