#include "io/net_bench.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <utility>

#include "base/host_port.h"
#include "io/clock.h"
#include "io/tcp_net.h"
#include "io/thread_worker.h"
#include "io/tls_bench.h"

namespace rstmdb::io {
namespace {

constexpr int64_t kDeadlineMs = 20'000;

/// A TCP client as the simulated network has it: nothing blocks, pump() moves bytes.
class SocketPeer final : public SimulatedPeer {
 public:
  explicit SocketPeer(const std::string& address) {
    const HostPort to = split_host_port(address).value();
    const bool v6 = to.host.contains(':');
    socket_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in in4{
        .sin_family = AF_INET, .sin_port = htons(to.port), .sin_addr = {}, .sin_zero = {}};
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(to.port);
    ::inet_pton(v6 ? AF_INET6 : AF_INET, to.host.c_str(),
                v6 ? static_cast<void*>(&in6.sin6_addr) : static_cast<void*>(&in4.sin_addr));
    const auto* name = v6 ? reinterpret_cast<sockaddr*>(&in6) : reinterpret_cast<sockaddr*>(&in4);
    EXPECT_EQ(::connect(socket_, name, v6 ? sizeof in6 : sizeof in4), 0) << errno;
  }
  ~SocketPeer() override { close(); }

  void send(std::string_view bytes) override { unsent_ += bytes; }
  size_t unsent() const override { return unsent_.size(); }
  std::string& received() override { return received_; }
  void pause() override { paused_ = true; }
  void resume() override { paused_ = false; }
  void finish() override { finishing_ = true; }
  void close() override {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void reset() override {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  bool ended() const override { return ended_; }
  bool was_reset() const override { return was_reset_; }

  void pump() {
    if (socket_ < 0) return;
    while (!unsent_.empty()) {
      const ssize_t size =
          ::send(socket_, unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size <= 0) break;
      unsent_.erase(0, static_cast<size_t>(size));
    }
    if (unsent_.empty() && finishing_) ::shutdown(socket_, SHUT_WR);
    char buffer[65536];
    while (!paused_ && !ended_ && !was_reset_) {
      const ssize_t size = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (size > 0) received_.append(buffer, static_cast<size_t>(size));
      if (size == 0) ended_ = true;
      if (size < 0 && errno == ECONNRESET) was_reset_ = true;
      if (size < 0) break;
    }
  }

 private:
  int socket_ = -1;
  std::string unsent_;
  std::string received_;
  bool paused_ = false;
  bool finishing_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
};

class TcpBench final : public Bench {
 public:
  Net& net() override { return net_; }
  Loop& loop() override { return loop_; }
  std::unique_ptr<Worker> make_worker() override { return std::make_unique<ThreadWorker>(loop_); }
  SimulatedPeer& connect(const std::string& address) override {
    return *peers_.emplace_back(std::make_unique<SocketPeer>(address));
  }
  bool run_until(std::move_only_function<bool()> condition) override {
    const auto deadline = system_clock().steady_ns() + kDeadlineMs * 1'000'000;
    bool holds = false;
    std::function<void()> tick = [&] {
      for (const auto& peer : peers_) peer->pump();
      holds = condition();
      if (holds || system_clock().steady_ns() > deadline) return loop_.stop();
      loop_.run_after(1, [&] { tick(); });
    };
    loop_.post([&] { tick(); });
    loop_.run();
    return holds;
  }
  size_t flood_bytes() const override { return 16 * 1024 * 1024; }

 private:
  AsioLoop loop_;
  TcpNet net_{loop_};
  std::vector<std::unique_ptr<SocketPeer>> peers_;
};

class SimulatedBench final : public Bench {
 public:
  explicit SimulatedBench(SimulatedNet::Options options)
      : options_(options), loop_({.seed = options.seed}), net_(loop_, options) {}
  Net& net() override { return net_; }
  Loop& loop() override { return loop_; }
  std::unique_ptr<Worker> make_worker() override {
    return std::make_unique<SimulatedWorker>(
        loop_, SimulatedWorker::Options{.seed = options_.seed, .delay_ms_max = 2});
  }
  SimulatedPeer& connect(const std::string& address) override {
    auto peer = net_.connect(address);
    EXPECT_TRUE(peer.ok());
    return *peers_.emplace_back(std::move(peer).value());
  }
  bool run_until(std::move_only_function<bool()> condition) override {
    return loop_.run_until(std::move(condition), int64_t{24} * 3'600'000);
  }
  size_t flood_bytes() const override { return 20 * options_.window_bytes; }

 private:
  SimulatedNet::Options options_;
  SimulatedLoop loop_;
  SimulatedNet net_;
  std::vector<std::unique_ptr<SimulatedPeer>> peers_;
};

}  // namespace

void PrintTo(const NetKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<NetKind> net_kinds() {
  std::vector<NetKind> all = {
      {"Tcp", [] { return std::make_unique<TcpBench>(); }},
      {"Simulated", [] {
         return std::make_unique<SimulatedBench>(SimulatedNet::Options{.window_bytes = 4096});
       }}};
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    all.push_back({"SimulatedSlices" + std::to_string(seed), [seed] {
                     return std::make_unique<SimulatedBench>(
                         SimulatedNet::Options{.seed = seed,
                                               .slice_bytes_max = seed % 4 == 0 ? 1 : seed * 7,
                                               .delay_ms_max = static_cast<int64_t>(seed % 3) * 10,
                                               .window_bytes = 512});
                   }});
  }
  // Slices of a byte make a handshake long; tls_stream_test.cc has those.
  for (const size_t i : {0, 1, 6, 8, 12})
    all.push_back({"TlsOver" + all[i].name, [make = all[i].make] { return tls_over(make()); }});
  return all;
}

}  // namespace rstmdb::io
