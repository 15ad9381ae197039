#include "load/load.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

namespace rstmdb::bench {
namespace {

/// A request is `r`, the end of a group `.`; the answer to a group is a digit, its size.
class Letters final : public Protocol {
 public:
  bool in_order() const override { return true; }
  Result<void> greet(Connection&) override { return {}; }
  void append(std::string& out, const Request&) override { out.push_back('r'); }
  void end_group(std::string& out) override { out.push_back('.'); }
  Result<Answer> read(std::string_view input) override {
    if (input.empty()) return Answer{};
    if (input[0] < '1' || input[0] > '9') return Error(Code::kInternalError, "refused");
    return Answer{.size = 1, .count = static_cast<uint32_t>(input[0] - '0')};
  }
};

/// Answers one connection. Once, after `stall_after` groups, it stands still for `stall_ms`; after
/// `refuse_after` groups it says no.
class Answerer {
 public:
  struct Behaviour {
    int stall_after = -1;
    int stall_ms = 0;
    int refuse_after = -1;
  };

  explicit Answerer(Behaviour behaviour) : behaviour_(behaviour) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, generic, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { answer(); });
  }
  ~Answerer() {
    thread_.join();
    ::close(listener_);
  }
  Address address() const { return {.host = "127.0.0.1", .port = port_}; }

 private:
  void answer() {
    const int socket = ::accept(listener_, nullptr, nullptr);
    char bytes[4096];
    int groups = 0;
    char count = '0';
    for (ssize_t size = 0; (size = ::recv(socket, bytes, sizeof bytes, 0)) > 0;) {
      for (ssize_t i = 0; i < size; ++i) {
        if (bytes[i] == 'r') ++count;
        if (bytes[i] != '.') continue;
        if (groups == behaviour_.stall_after) ::poll(nullptr, 0, behaviour_.stall_ms);
        if (groups == behaviour_.refuse_after) count = '!';
        ++groups;
        if (::send(socket, &count, 1, MSG_NOSIGNAL) != 1) break;
        count = '0';
      }
    }
    ::close(socket);
  }

  const Behaviour behaviour_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

Result<void> run(Answerer::Behaviour behaviour, Plan plan, Measured& measured) {
  Answerer answerer(behaviour);
  Letters letters;
  plan.address = answerer.address();
  return run_load(plan, letters, measured);
}

TEST(Load, AnOpenLoopChargesAStallForEverythingThatWasDueMeanwhile) {
  const auto measured = std::make_unique<Measured>();
  const auto done = run({.stall_after = 100, .stall_ms = 200},
                        {.rate = 1'000, .warmup_ms = 0, .measured_ms = 1'000}, *measured);
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  // 200 of 1,000 were due in those 200 ms: they waited from 200 ms down to 0, not one of them
  // alone.
  EXPECT_NEAR(static_cast<double>(measured->latencies.count()), 1'000, 1);
  EXPECT_GE(measured->latencies.percentile_us(0.9), 80'000);
  EXPECT_GE(measured->latencies.percentile_us(1), 199'000);
}

TEST(Load, AClosedLoopSeesTheSameStallOnce) {
  const auto measured = std::make_unique<Measured>();
  const auto done =
      run({.stall_after = 100, .stall_ms = 200}, {.warmup_ms = 0, .measured_ms = 1'000}, *measured);
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  EXPECT_GE(measured->latencies.percentile_us(1), 199'000);
  EXPECT_LT(measured->latencies.percentile_us(0.9), 80'000);
  EXPECT_EQ(measured->late, 0u);
}

TEST(Load, WhatIsLateAtTheEndIsSentAndCounts) {
  const auto measured = std::make_unique<Measured>();
  const auto done = run({.stall_after = 50, .stall_ms = 300},
                        {.rate = 1'000, .warmup_ms = 0, .measured_ms = 200}, *measured);
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  EXPECT_NEAR(static_cast<double>(measured->latencies.count()), 200, 1);
  EXPECT_GE(measured->late, 100u);
}

TEST(Load, AGroupIsAnsweredAtOnce) {
  const auto measured = std::make_unique<Measured>();
  const auto done =
      run({}, {.pipelined = 12, .group = 4, .warmup_ms = 10, .measured_ms = 100}, *measured);
  ASSERT_TRUE(done.ok()) << done.error().to_string();
  EXPECT_GT(measured->requests, 0u);
  EXPECT_EQ(measured->requests % 4, 0u);
}

TEST(Load, AnAnswerThatIsNoSuccessEndsIt) {
  const auto measured = std::make_unique<Measured>();
  EXPECT_FALSE(run({.refuse_after = 20}, {.warmup_ms = 0, .measured_ms = 10'000}, *measured).ok());
}

}  // namespace
}  // namespace rstmdb::bench
