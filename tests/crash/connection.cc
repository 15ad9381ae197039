#include "crash/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "crash/history.h"
#include "json/writer.h"

namespace rstmdb::crash {

Result<int> connect_to(uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (descriptor < 0 ||
      ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int cause = errno;
    if (descriptor >= 0) ::close(descriptor);
    return Error(Code::kInternalError, std::string("cannot connect: ") + std::strerror(cause));
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

void send_some(int descriptor, std::string& output) {
  size_t sent = 0;
  while (sent < output.size()) {
    const ssize_t took =
        ::send(descriptor, output.data() + sent, output.size() - sent, MSG_NOSIGNAL);
    if (took <= 0) break;
    sent += static_cast<size_t>(took);
  }
  output.erase(0, sent);
}

bool receive_some(int descriptor, std::string& input) {
  char buffer[64 * 1024];
  ssize_t got = 0;
  do {
    got = ::recv(descriptor, buffer, sizeof buffer, 0);
    if (got > 0) input.append(buffer, static_cast<size_t>(got));
  } while (got == static_cast<ssize_t>(sizeof buffer));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

Result<Connection> Connection::open(uint16_t port, wire::Dialect dialect) {
  RSTMDB_ASSIGN(const int descriptor, connect_to(port));
  return Connection(descriptor, dialect);
}

Connection::Connection(int descriptor, wire::Dialect dialect)
    : descriptor_(descriptor), dialect_(dialect), frames_(dialect, limits::kFramePayloadBytesMax) {}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      dialect_(other.dialect_),
      output_(std::move(other.output_)),
      input_(std::move(other.input_)),
      frames_(other.frames_),
      document_(std::move(other.document_)) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Connection::queue(uint64_t id, std::string_view op, std::string_view params) {
  const size_t start = wire::begin_frame(output_, dialect_);
  json::Writer(output_)
      .open_object()
      .member("type", "request")
      .member("id", std::to_string(id))
      .member("op", op)
      .member("params", json::RawJson{params})
      .close_object();
  wire::end_frame(output_, dialect_, start);
}

void Connection::send() { send_some(descriptor_, output_); }

Result<Connection::Link> Connection::receive(const Take& take, const Hear& hear) {
  const bool open = receive_some(descriptor_, input_);
  RSTMDB_TRY(take_answers(take, hear));
  return open ? Link::kOpen : Link::kEnded;
}

Result<void> Connection::take_answers(const Take& take, const Hear& hear) {
  size_t used = 0;
  while (true) {
    RSTMDB_ASSIGN(const auto frame, frames_.next(std::string_view(input_).substr(used)));
    if (!frame) break;
    RSTMDB_TRY(document_.parse(frame->payload));
    used += frame->size;
    if (hear && text_of(document_.root(), "type") == "event") {
      hear(document_.root());
      continue;
    }
    const std::string id = text_of(document_.root(), "id");
    uint64_t number = 0;
    const auto read = std::from_chars(id.data(), id.data() + id.size(), number);
    if (id.empty() || read.ptr != id.data() + id.size()) {
      return Error(Code::kInternalError,
                   "an answer to nothing: " + std::string(document_.root().text()));
    }
    take(number, document_.root());
  }
  input_.erase(0, used);
  return {};
}

bool wait_for(const Connection& connection, int timeout_ms) {
  pollfd waiting{};
  waiting.fd = connection.descriptor();
  waiting.events = static_cast<short>(POLLIN | (connection.has_unsent() ? POLLOUT : 0));
  return ::poll(&waiting, 1, timeout_ms) > 0;
}

}  // namespace rstmdb::crash
