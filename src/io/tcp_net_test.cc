// What only TCP has: running out of descriptors, and peers that neither read nor close.
#include "io/tcp_net.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "base/limits.h"
#include "io/clock.h"

namespace rstmdb::io {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

class TcpNetTest : public testing::Test {
 protected:
  ~TcpNetTest() override {
    for (const int number : opened) ::close(number);
  }

  int connect_to(const std::string& address) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(split_host_port(address)->port);
    ::inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    EXPECT_EQ(::connect(made, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    opened.push_back(made);
    return made;
  }

  /// Runs the loop, asking `condition` each millisecond, for at most `within_ms`.
  bool run_until(std::function<bool()> condition, int64_t within_ms) {
    const int64_t deadline = system_clock().steady_ns() + within_ms * kNsPerMs;
    bool holds = false;
    std::function<void()> tick = [&] {
      holds = condition();
      if (holds || system_clock().steady_ns() > deadline) return loop.stop();
      loop.run_after(1, [&] { tick(); });
    };
    loop.post([&] { tick(); });
    loop.run();
    return holds;
  }

  AsioLoop loop;
  TcpNet net{loop};
  std::vector<int> opened;
};

/// Takes every descriptor that the process may still have, until destroyed.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit fewer = before_;
    fewer.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &fewer);
    for (int taken = ::dup(0); taken >= 0; taken = ::dup(0)) taken_.push_back(taken);
    EXPECT_EQ(errno, EMFILE);
  }
  ~NoDescriptors() {
    for (const int number : taken_) ::close(number);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(TcpNetTest, WithoutDescriptorsAcceptingWaitsAndGoesOnLater) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined behaviour sanitizer makes pipes to look at objects";
#endif
  std::vector<std::unique_ptr<Stream>> accepted;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> stream) {
    accepted.push_back(std::move(stream));
  });
  ASSERT_TRUE(listener.ok());
  int turns = 0;
  loop.at_turn_end([&turns] { ++turns; });
  testing::internal::CaptureStderr();
  {
    // The client's descriptor is made first; the server's, in accept, is the one too many.
    connect_to((*listener)->address());
    const NoDescriptors none;
    turns = 0;
    const int64_t wait_ms = 3 * limits::kAcceptBackOffMs;
    EXPECT_FALSE(run_until([&] { return !accepted.empty(); }, wait_ms));
    EXPECT_LT(turns, 3 * wait_ms) << "the loop turns for the test's own timer, not for accept";
  }
  EXPECT_TRUE(run_until([&] { return accepted.size() == 1; }, 10'000));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("\"errno\":" + std::to_string(EMFILE)), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

/// Of an accepted socket of this process, found by the address of its client.
int descriptor_of(const Stream& stream) {
  for (int number = 3; number < 1'024; ++number) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(number, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (stream.peer() == "127.0.0.1:" + std::to_string(ntohs(peer.sin_port))) return number;
  }
  return -1;
}

int option(int descriptor, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(descriptor, level, name, &value, &size), 0);
  return value;
}

TEST_F(TcpNetTest, ASilentPeerIsProbedAndTheSystemHoldsLittle) {
  std::unique_ptr<Stream> stream;
  const auto listener = net.listen(
      "127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) { stream = std::move(accepted); });
  const int peer = connect_to((*listener)->address());
  ASSERT_TRUE(run_until([&] { return stream != nullptr; }, 10'000));
  const int ours = descriptor_of(*stream);
  ASSERT_GE(ours, 0);
  EXPECT_EQ(option(ours, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(ours, IPPROTO_TCP, TCP_KEEPIDLE), limits::kKeepAliveIdleSecs);
  EXPECT_EQ(option(ours, IPPROTO_TCP, TCP_KEEPINTVL), limits::kKeepAliveIntervalSecs);
  EXPECT_EQ(option(ours, IPPROTO_TCP, TCP_KEEPCNT), limits::kKeepAliveProbesMax);

  // The client reads nothing: beyond what is in its own window, only so much is taken from us.
  const int window = option(peer, SOL_SOCKET, SO_RCVBUF);
  const std::string bytes(64 * 1024, 'x');
  size_t taken = 0;
  size_t last = 1;
  while (last > 0) taken += last = stream->write(bytes);
  EXPECT_LE(taken, static_cast<size_t>(window + limits::kUnsentKernelBytesMax) + bytes.size());
}

TEST_F(TcpNetTest, APeerThatSendsWithoutEndAfterOurCloseIsCutOff) {
  std::unique_ptr<Stream> stream;
  const auto listener = net.listen(
      "127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) { stream = std::move(accepted); });
  const int peer = connect_to((*listener)->address());
  ASSERT_TRUE(run_until([&] { return stream != nullptr; }, 10'000));
  EXPECT_EQ(stream->write("bye"), 3u);
  stream->close(Stream::Close::kAfterSending);
  stream.reset();
  const std::string junk(64 * 1024, 'j');
  size_t sent = 0;
  int failure = 0;
  EXPECT_TRUE(run_until(
      [&] {
        const ssize_t size = ::send(peer, junk.data(), junk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<size_t>(size);
        if (size < 0 && errno != EAGAIN) failure = errno;
        return failure != 0;
      },
      10'000));
  EXPECT_TRUE(failure == ECONNRESET || failure == EPIPE) << failure;
  EXPECT_GE(sent, limits::kLingerBytesMax);
}

TEST_F(TcpNetTest, APeerThatNeverClosesIsCutOffAfterTheLingerTime) {
  std::unique_ptr<Stream> stream;
  const auto listener = net.listen(
      "127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) { stream = std::move(accepted); });
  const int peer = connect_to((*listener)->address());
  ASSERT_TRUE(run_until([&] { return stream != nullptr; }, 10'000));
  stream->close(Stream::Close::kAfterSending);
  const int64_t begin = system_clock().steady_ns();
  EXPECT_TRUE(run_until(
      [&] { return ::send(peer, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN; },
      10'000));
  EXPECT_GE(system_clock().steady_ns() - begin, (limits::kLingerMs - 1) * kNsPerMs);
}

TEST_F(TcpNetTest, AHostNameStandsForItsFirstAddress) {
  const auto listener = net.listen("localhost:0", [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(listener.ok()) << listener.error().to_string();
  const HostPort at = split_host_port((*listener)->address()).value();
  EXPECT_TRUE(at.host == "127.0.0.1" || at.host == "::1") << at.host;
}

TEST_F(TcpNetTest, AnAddressOfAnotherMachineIsRefusedByTheSystem) {
  const auto listener = net.listen("192.0.2.1:0", [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(listener.ok());
  EXPECT_EQ(listener.error().code(), Code::kInternalError);
  EXPECT_EQ(listener.error().detail_number("errno", 0), EADDRNOTAVAIL);
}

TEST_F(TcpNetTest, APeerOnAnIPv6ListenerIsShownAsTheIPv4ThatItIs) {
  std::unique_ptr<Stream> stream;
  const auto listener =
      net.listen("[::]:0", [&](std::unique_ptr<Stream> accepted) { stream = std::move(accepted); });
  ASSERT_TRUE(listener.ok());
  connect_to((*listener)->address());
  ASSERT_TRUE(run_until([&] { return stream != nullptr; }, 10'000));
  EXPECT_TRUE(stream->peer().starts_with("127.0.0.1:")) << stream->peer();
}

/// Takes what comes, and says so.
struct Taker : StreamEvents {
  explicit Taker(
      std::unique_ptr<Stream> given, std::function<void()> told = [] {})
      : stream(std::move(given)), on_taken(std::move(told)) {
    stream->start(*this);
  }
  std::span<char> read_buffer() override { return paused ? std::span<char>() : buffer; }
  void on_read(size_t size) override {
    taken.append(buffer.data(), size);
    on_taken();
  }
  void on_writable() override {}
  void on_closed(const Error& reason) override { ended = reason.detail("reason"); }

  std::array<char, 8> buffer{};
  std::string taken;
  std::string ended;
  bool paused = false;
  std::unique_ptr<Stream> stream;
  std::function<void()> on_taken;
};

TEST_F(TcpNetTest, WhatStandsBehindAnUrgentByteArrivesToo) {
  std::unique_ptr<Taker> taker;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) {
    taker = std::make_unique<Taker>(std::move(accepted));
  });
  const int peer = connect_to((*listener)->address());
  ASSERT_EQ(::send(peer, "ab", 2, 0), 2);
  ASSERT_EQ(::send(peer, "!", 1, MSG_OOB), 1);
  ASSERT_EQ(::send(peer, "cd", 2, 0), 2);
  EXPECT_TRUE(run_until([&] { return taker && taker->taken == "abcd"; }, 10'000)) << taker->taken;
}

TEST_F(TcpNetTest, MoreThanTheBufferTakesAndTheEndBehindItArriveWithoutAnotherPush) {
  std::unique_ptr<Taker> taker;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) {
    taker = std::make_unique<Taker>(std::move(accepted));
  });
  const int peer = connect_to((*listener)->address());
  ASSERT_EQ(::send(peer, "0123456789abcdefghi", 19, 0), 19);
  ASSERT_EQ(::shutdown(peer, SHUT_WR), 0);
  EXPECT_TRUE(run_until([&] { return taker && taker->ended == "end"; }, 10'000));
  EXPECT_EQ(taker->taken, "0123456789abcdefghi");
}

TEST_F(TcpNetTest, BytesThatComeWhileReadingIsPausedWaitForItsEnd) {
  std::unique_ptr<Taker> taker;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) {
    taker = std::make_unique<Taker>(std::move(accepted), [&] { taker->paused = true; });
  });
  const int peer = connect_to((*listener)->address());
  ASSERT_EQ(::send(peer, "ab", 2, 0), 2);
  ASSERT_TRUE(run_until([&] { return taker && taker->taken == "ab"; }, 10'000));
  ASSERT_EQ(::send(peer, "cd", 2, 0), 2);
  ASSERT_EQ(::shutdown(peer, SHUT_WR), 0);
  bool later = false;
  loop.run_after(20, [&] { later = true; });
  ASSERT_TRUE(run_until([&] { return later; }, 10'000));
  EXPECT_EQ(taker->taken, "ab");
  taker->paused = false;
  taker->on_taken = [] {};
  taker->stream->resume_reading();
  EXPECT_TRUE(run_until([&] { return taker->ended == "end"; }, 10'000));
  EXPECT_EQ(taker->taken, "abcd");
}

TEST_F(TcpNetTest, WhoIsLetGoOfInTheTurnInWhichItsBytesHaveComeHearsNothing) {
  std::vector<std::unique_ptr<Taker>> takers;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) {
    takers.push_back(std::make_unique<Taker>(std::move(accepted)));
  });
  std::vector<int> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(connect_to((*listener)->address()));
  ASSERT_TRUE(run_until([&] { return takers.size() == peers.size(); }, 10'000));
  // Whoever is told first lets go of all others; of those a byte is there in the same turn.
  int told = 0;
  for (const auto& taker : takers) {
    taker->on_taken = [&, mine = taker.get()] {
      ++told;
      for (auto& other : takers) {
        if (other.get() != mine) other.reset();
      }
    };
  }
  for (const int peer : peers) ASSERT_EQ(::send(peer, "x", 1, 0), 1);
  ASSERT_TRUE(run_until([&] { return told > 0; }, 10'000));
  EXPECT_EQ(told, 1);
}

TEST_F(TcpNetTest, EverySocketThatIsReadyIsAPieceOfTheTurn) {
  std::vector<std::unique_ptr<Taker>> takers;
  size_t taken = 0;
  const auto listener = net.listen("127.0.0.1:0", [&](std::unique_ptr<Stream> accepted) {
    takers.push_back(std::make_unique<Taker>(std::move(accepted), [&] { ++taken; }));
  });
  const size_t count = limits::kTurnHandlersMax + 100;
  std::vector<int> peers;
  for (size_t i = 0; i < count; ++i) peers.push_back(connect_to((*listener)->address()));
  ASSERT_TRUE(run_until([&] { return takers.size() == count; }, 10'000));
  size_t before = 0;
  size_t most = 0;
  loop.at_turn_end([&] { most = std::max(most, taken - std::exchange(before, taken)); });
  for (const int peer : peers) ASSERT_EQ(::send(peer, "x", 1, 0), 1);
  ASSERT_TRUE(run_until([&] { return taken == count; }, 10'000));
  EXPECT_LE(most, limits::kTurnHandlersMax);
}

}  // namespace
}  // namespace rstmdb::io
