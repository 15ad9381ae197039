#include "load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rstmdb::bench {
namespace {

constexpr size_t kInputBytes = 64 * 1024;

}  // namespace

Error call_failed(std::string_view call) {
  const int number = errno;
  return Error(Code::kInternalError, std::string(call) + ": " + std::strerror(number))
      .with("errno", number);
}

Connection::Connection(int descriptor) : descriptor_(descriptor), input_(kInputBytes) {}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      out_(std::move(other.out_)),
      sent_(other.sent_),
      input_(std::move(other.input_)),
      begin_(other.begin_),
      end_(other.end_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<Connection> Connection::open(const Address& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr) != 1)
    return Error(Code::kBadRequest, "the host must be an IPv4 address").with("host", address.host);
  Connection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.descriptor_ < 0) return call_failed("socket");
  if (::connect(connection.descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return call_failed("connect");
  const int on = 1;
  ::setsockopt(connection.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection;
}

void Connection::set_nonblocking() {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

Result<bool> Connection::send() {
  while (sent_ < out_.size()) {
    const ssize_t size =
        ::send(descriptor_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    if (size < 0) return call_failed("send");
    sent_ += static_cast<size_t>(size);
  }
  out_.clear();
  sent_ = 0;
  return true;
}

Result<size_t> Connection::receive() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == input_.size()) {
    if (begin_ == 0) input_.resize(input_.size() * 2);
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const ssize_t size = ::recv(descriptor_, input_.data() + end_, input_.size() - end_, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return size_t{0};
  if (size < 0) return call_failed("recv");
  if (size == 0) return Error(Code::kInternalError, "the server has closed the connection");
  end_ += static_cast<size_t>(size);
  return static_cast<size_t>(size);
}

}  // namespace rstmdb::bench
