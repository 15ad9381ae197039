// Two sockets on the loopback device and a thread behind one of them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "limits/limits.h"

namespace rstmdb::bench {
namespace {

using Pair = std::array<int, 2>;

/// Two connected TCP sockets.
Result<Pair> connect_pair() {
  Pair sockets = {-1, -1};
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    return call_failed("listen");
  sockets[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (sockets[0] < 0 || ::connect(sockets[0], generic, size) != 0) return call_failed("connect");
  sockets[1] = ::accept(listener, nullptr, nullptr);
  if (sockets[1] < 0) return call_failed("accept");
  ::close(listener);
  const int on = 1;
  for (const int socket : sockets) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return sockets;
}

bool take(int socket, std::vector<char>& bytes) {
  return ::recv(socket, bytes.data(), bytes.size(), MSG_WAITALL) ==
         static_cast<ssize_t>(bytes.size());
}

bool give(int socket, const std::vector<char>& bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

/// Repeats `step` on one socket for the time asked for, while a thread repeats `other` on the other
/// one until the connection ends.
template <class Step, class Other>
Result<void> measure_pair(const Arguments& arguments, Latencies& latencies, Step step,
                          Other other) {
  RSTMDB_ASSIGN(const Pair sockets, connect_pair());
  std::thread partner([socket = sockets[1], size = arguments.bytes, other] {
    std::vector<char> bytes(size);
    while (other(socket, bytes)) continue;
  });
  std::vector<char> bytes(arguments.bytes, 'x');
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  bool sound = true;
  for (int64_t from_ns = now_ns(); sound && from_ns < end_ns;) {
    sound = step(sockets[0], bytes);
    const int64_t to_ns = now_ns();
    latencies.record(to_ns - from_ns);
    from_ns = to_ns;
  }
  ::shutdown(sockets[0], SHUT_RDWR);
  partner.join();
  ::close(sockets[0]);
  ::close(sockets[1]);
  if (!sound) return call_failed("exchange");
  return {};
}

}  // namespace

Result<void> measure_loopback(const Arguments& arguments, Latencies& latencies) {
  return measure_pair(
      arguments, latencies,
      [](int socket, std::vector<char>& bytes) {
        return give(socket, bytes) && take(socket, bytes);
      },
      [](int socket, std::vector<char>& bytes) {
        return take(socket, bytes) && give(socket, bytes);
      });
}

Result<void> measure_stream(const Arguments& arguments, Latencies& latencies) {
  return measure_pair(
      arguments, latencies,
      [](int socket, std::vector<char>& bytes) { return give(socket, bytes); },
      [](int socket, std::vector<char>& bytes) { return take(socket, bytes); });
}

}  // namespace rstmdb::bench
