// rstmdb_limits: what the machine gives at best, as one JSON object. A server's numbers mean
// nothing without these beside them.
//
//   rstmdb_limits appending --folder DIR --bytes N   write + fdatasync of a file that grows
//   rstmdb_limits prezeroed --folder DIR --bytes N   the same inside a file written full of zeros
//   rstmdb_limits loopback --bytes N                 one message there and one back over TCP
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "bench/latencies.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kFileBytes = 64 * 1024 * 1024;
constexpr size_t kBlockBytes = 1024 * 1024;

struct Arguments {
  std::string folder = ".";
  size_t bytes = 300;
  int64_t measured_ms = 2'000;
};

Error failed(const char* call) {
  return Error(Code::kInternalError, std::string(call) + ": " + std::strerror(errno))
      .with("errno", errno);
}

/// A file that is gone with the object.
class Scratch {
 public:
  explicit Scratch(const std::string& folder)
      : path_(folder + "/limits." + std::to_string(::getpid())),
        descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  ~Scratch() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  std::string path_;
  int descriptor_;
};

Result<void> fill_with_zeros(int descriptor) {
  const std::vector<char> zeros(kBlockBytes);
  for (size_t at = 0; at < kFileBytes; at += kBlockBytes) {
    if (::pwrite(descriptor, zeros.data(), kBlockBytes, static_cast<off_t>(at)) !=
        static_cast<ssize_t>(kBlockBytes))
      return failed("pwrite");
  }
  if (::fsync(descriptor) != 0) return failed("fsync");
  return {};
}

enum class Into { kGrowing, kZeros };

Result<void> measure_sync(const Arguments& arguments, Into into, Latencies& latencies) {
  Scratch file(arguments.folder);
  if (file.descriptor() < 0) return failed("open");
  if (into == Into::kZeros) RSTMDB_TRY(fill_with_zeros(file.descriptor()));
  const std::string bytes(arguments.bytes, 'x');
  size_t at = 0;
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  for (int64_t from_ns = now_ns(); from_ns < end_ns;) {
    if (into == Into::kZeros && at + bytes.size() > kFileBytes) at = 0;
    if (::pwrite(file.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(bytes.size()))
      return failed("pwrite");
    if (::fdatasync(file.descriptor()) != 0) return failed("fdatasync");
    at += bytes.size();
    const int64_t to_ns = now_ns();
    latencies.record(to_ns - from_ns);
    from_ns = to_ns;
  }
  return {};
}

enum class Turn { kGivesFirst, kTakesFirst };

bool exchange(int socket, std::vector<char>& bytes, Turn turn) {
  const auto take = [&] {
    return ::recv(socket, bytes.data(), bytes.size(), MSG_WAITALL) ==
           static_cast<ssize_t>(bytes.size());
  };
  const auto give = [&] {
    return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  };
  return turn == Turn::kGivesFirst ? give() && take() : take() && give();
}

/// Two connected TCP sockets on the loopback device.
Result<std::array<int, 2>> connect_pair() {
  std::array<int, 2> sockets = {-1, -1};
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    return failed("listen");
  sockets[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (sockets[0] < 0 || ::connect(sockets[0], generic, size) != 0) return failed("connect");
  sockets[1] = ::accept(listener, nullptr, nullptr);
  if (sockets[1] < 0) return failed("accept");
  ::close(listener);
  const int on = 1;
  for (const int socket : sockets) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return sockets;
}

Result<void> measure_loopback(const Arguments& arguments, Latencies& latencies) {
  using Pair = std::array<int, 2>;
  RSTMDB_ASSIGN(const Pair sockets, connect_pair());
  std::thread echo([socket = sockets[1], size = arguments.bytes] {
    std::vector<char> bytes(size);
    while (exchange(socket, bytes, Turn::kTakesFirst)) continue;
  });
  std::vector<char> bytes(arguments.bytes, 'x');
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  bool sound = true;
  for (int64_t from_ns = now_ns(); sound && from_ns < end_ns;) {
    sound = exchange(sockets[0], bytes, Turn::kGivesFirst);
    const int64_t to_ns = now_ns();
    latencies.record(to_ns - from_ns);
    from_ns = to_ns;
  }
  ::shutdown(sockets[0], SHUT_RDWR);
  echo.join();
  ::close(sockets[0]);
  ::close(sockets[1]);
  if (!sound) return failed("exchange");
  return {};
}

int report(const std::string& what, const Arguments& arguments, const Result<void>& done,
           const Latencies& latencies) {
  if (!done.ok()) {
    std::fprintf(stderr, "rstmdb_limits: %s\n", done.error().to_string().c_str());
    return 1;
  }
  std::printf(
      "{\"limit\":\"%s\",\"bytes\":%zu,\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
      what.c_str(), arguments.bytes,
      static_cast<double>(latencies.count()) * 1000 / static_cast<double>(arguments.measured_ms),
      latencies.percentile_us(0.5), latencies.percentile_us(0.99));
  return 0;
}

int run(const std::string& what, const Arguments& arguments) {
  const auto latencies = std::make_unique<Latencies>();
  if (what == "loopback")
    return report(what, arguments, measure_loopback(arguments, *latencies), *latencies);
  const Into into = what == "prezeroed" ? Into::kZeros : Into::kGrowing;
  return report(what, arguments, measure_sync(arguments, into, *latencies), *latencies);
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Arguments arguments;
  std::string what;
  CLI::App cli("Measures what the disk and the loopback device give at best.", "rstmdb_limits");
  cli.add_option("what", what)
      ->required()
      ->check(CLI::IsMember({"appending", "prezeroed", "loopback"}));
  cli.add_option("--folder", arguments.folder, "on the file system to measure")
      ->capture_default_str();
  cli.add_option("--bytes", arguments.bytes, "of each write or message")
      ->capture_default_str()
      ->check(CLI::Range(size_t{1}, rstmdb::bench::kBlockBytes));
  cli.add_option("--measured-ms", arguments.measured_ms)->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  return rstmdb::bench::run(what, arguments);
}
