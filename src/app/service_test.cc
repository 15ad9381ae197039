#include "app/service.h"

#include <gtest/gtest.h>

#include <vector>

#include "io/simulated_loop.h"

namespace rstmdb::app {
namespace {

struct Sent final : io::ServiceSocket {
  explicit Sent(std::vector<std::string>& into) : messages(into) {}
  void send(std::string_view message) override { messages.emplace_back(message); }
  std::vector<std::string>& messages;
};

class ServiceTest : public testing::Test {
 protected:
  Service make(int64_t watchdog_ms) {
    return Service({.loop = loop_,
                    .clock = clock_,
                    .socket = std::make_unique<Sent>(messages_),
                    .watchdog_ms = watchdog_ms});
  }
  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  std::vector<std::string> messages_;
};

TEST_F(ServiceTest, AStartAsksForTimeAndEndsReady) {
  Service service = make(0);
  service.starting("recovering: 5 of\n10 records");
  service.ready("serving");
  loop_.run_for(100'000);
  EXPECT_EQ(messages_, (std::vector<std::string>{
                           "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=recovering: 5 of 10 records",
                           "READY=1\nSTATUS=serving"}));
}

TEST_F(ServiceTest, SignsOfLifeComeTwiceAsOftenAsAskedFor) {
  Service service = make(10'000);
  loop_.run_for(60'000);
  EXPECT_TRUE(messages_.empty()) << "not ready, so not watched";
  service.ready("serving");
  service.ready("serving");
  messages_.clear();
  loop_.run_for(60'000);
  EXPECT_EQ(messages_, std::vector<std::string>(12, "WATCHDOG=1"));
}

TEST_F(ServiceTest, AReloadSaysWhenAndEndsReady) {
  Service service = make(0);
  loop_.run_for(1'234);
  service.reloading();
  service.ready("serving");
  service.stopping();
  EXPECT_EQ(messages_,
            (std::vector<std::string>{"RELOADING=1\nMONOTONIC_USEC=1234000",
                                      "READY=1\nSTATUS=serving", "STOPPING=1\nSTATUS=stopping"}));
}

TEST(ServiceRequest, TheWatchdogIsForOneProcess) {
  EXPECT_EQ(read_service_request("@x", "30000000", "17", 17).watchdog_ms, 30'000);
  EXPECT_EQ(read_service_request("@x", "30000000", "18", 17).watchdog_ms, 0);
  EXPECT_EQ(read_service_request("@x", "30000000", "", 17).watchdog_ms, 30'000);
  EXPECT_EQ(read_service_request("@x", "soon", "", 17).watchdog_ms, 0);
  EXPECT_EQ(read_service_request("@x", "", "", 17).socket_address, "@x");
}

}  // namespace
}  // namespace rstmdb::app
