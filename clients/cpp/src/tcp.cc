#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "json/writer.h"
#include "transport.h"

namespace rstmdb::client {
namespace {

std::string system_message(int code) { return std::generic_category().message(code); }

std::string_view reason_of(int code) {
  if (code == ECONNREFUSED) return "refused";
  if (code == ECONNRESET || code == EPIPE) return "closed";
  return "unreachable";
}

class TcpTransport : public Transport {
 public:
  TcpTransport(Descriptor socket, Options where)
      : socket_(std::move(socket)), where_(std::move(where)) {}

  int fd() const override { return socket_.get(); }
  bool has_unsent() const override { return false; }

  Result<size_t> read(char* to, size_t size) override {
    const ssize_t got = ::recv(socket_.get(), to, size, MSG_DONTWAIT);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) return connection_error(where_, "closed", "the server closed the connection");
    return again_or_error("reading");
  }

  Result<size_t> write(std::string_view bytes) override {
    if (bytes.empty()) return size_t{0};
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    return again_or_error("writing");
  }

 private:
  Result<size_t> again_or_error(std::string_view doing) const {
    const int code = errno;
    if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR) return size_t{0};
    return connection_error(where_, reason_of(code),
                            std::string(doing) + ": " + system_message(code));
  }

  Descriptor socket_;
  Options where_;  // host and port, for errors
};

struct AddressList {
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
  addrinfo* first = nullptr;
};

/// No waiting for more to send, and a peer that is gone without a word is found out in two minutes,
/// whether it is silent or something is on its way to it.
void prepare(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 120'000);
}

Result<Descriptor> connect_to(const addrinfo& address, const Options& options, TimePoint deadline,
                              Waiter& waiter) {
  Descriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) {
    return connection_error(options, "unreachable", "socket: " + system_message(errno));
  }
  prepare(socket.get());
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) {
      return connection_error(options, reason_of(errno), "connecting: " + system_message(errno));
    }
    auto ready = waiter.await(socket.get(), POLLOUT, deadline);
    if (!ready.ok()) return ready.error();
    int code = 0;
    socklen_t size = sizeof code;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) {
      return connection_error(options, reason_of(code), "connecting: " + system_message(code));
    }
  }
  return socket;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error connection_error(const Options& options, std::string_view reason, std::string message) {
  std::string details;
  json::Writer(details)
      .open_object()
      .member("host", std::string_view(options.host))
      .member("port", static_cast<uint32_t>(options.port))
      .member("reason", reason)
      .close_object();
  return Error(ErrorKind::kConnection, std::move(message)).with_details(std::move(details));
}

Result<std::unique_ptr<Transport>> connect_tcp(const Options& options, TimePoint deadline,
                                               Waiter& waiter) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  AddressList list;
  const int failed = ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(),
                                   &hints, &list.first);
  if (failed != 0) {
    return connection_error(options, "resolve",
                            "looking the host up: " + std::string(::gai_strerror(failed)));
  }
  Error last = connection_error(options, "resolve", "the host has no address");
  for (const addrinfo* address = list.first; address != nullptr; address = address->ai_next) {
    auto socket = connect_to(*address, options, deadline, waiter);
    if (socket.ok()) {
      return std::unique_ptr<Transport>(
          std::make_unique<TcpTransport>(std::move(socket).value(), options));
    }
    last = socket.error();
    if (last.kind() == ErrorKind::kCancelled) break;
  }
  return last;
}

}  // namespace rstmdb::client
