// Connections that are told there is no room for them, on a simulated network.
#include "http/refusals.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/limits.h"
#include "io/simulated_loop.h"
#include "io/simulated_net.h"

namespace rstmdb::http {
namespace {

constexpr int64_t kSoonMs = 10;

class RefusalsTest : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = net_.listen("127.0.0.1:1",
                            [this](std::unique_ptr<io::Stream> stream) {
                              refusals_.refuse(std::move(stream), {.status = 503}, "");
                            })
                    .value();
  }
  io::SimulatedLink& connect() {
    peers_.push_back(net_.connect("127.0.0.1:1").value());
    return *peers_.back();
  }
  /// One that takes nothing of its answer.
  io::SimulatedLink& connect_deaf() {
    io::SimulatedLink& peer = connect();
    peer.pause();
    return peer;
  }

  io::SimulatedLoop loop_;
  io::SimulatedNet net_{loop_, {.window_bytes = 16}};  // no answer fits into it
  Refusals refusals_{loop_};
  std::unique_ptr<io::Listener> listener_;
  std::vector<std::unique_ptr<io::SimulatedLink>> peers_;
};

TEST_F(RefusalsTest, EachIsToldAndClosedWhateverItSends) {
  io::SimulatedLink& peer = connect();
  peer.send(std::string(5'000, 'x'));
  loop_.run_for(kSoonMs);
  EXPECT_TRUE(peer.received().starts_with("HTTP/1.1 503 ")) << peer.received();
  EXPECT_TRUE(peer.received().ends_with("\r\n\r\n")) << peer.received();
  EXPECT_TRUE(peer.ended());
  EXPECT_FALSE(peer.was_reset());
}

TEST_F(RefusalsTest, WhoDoesNotTakeItsAnswerIsResetAfterASecond) {
  io::SimulatedLink& in_time = connect_deaf();
  io::SimulatedLink& too_late = connect_deaf();
  loop_.run_for(limits::kRefusalTimeoutMs - 2 * kSoonMs);
  in_time.resume();
  loop_.run_for(kSoonMs);
  EXPECT_TRUE(in_time.ended());
  EXPECT_FALSE(in_time.was_reset());
  loop_.run_for(2 * kSoonMs);
  too_late.resume();
  loop_.run_for(kSoonMs);
  EXPECT_TRUE(too_late.was_reset());
}

TEST_F(RefusalsTest, OneMoreThanThereIsRoomForIsResetAtOnceAndLaterOnesAreToldAgain) {
  for (size_t i = 0; i < limits::kRefusalsMax; ++i) connect_deaf();
  loop_.run_for(kSoonMs);
  io::SimulatedLink& one_more = connect();
  loop_.run_for(kSoonMs);
  EXPECT_TRUE(one_more.was_reset());
  EXPECT_EQ(one_more.received(), "");

  loop_.run_for(limits::kRefusalTimeoutMs);
  io::SimulatedLink& later = connect();
  loop_.run_for(kSoonMs);
  EXPECT_TRUE(later.received().starts_with("HTTP/1.1 503 ")) << later.received();
}

}  // namespace
}  // namespace rstmdb::http
