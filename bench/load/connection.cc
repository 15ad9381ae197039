#include "load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "json/document.h"
#include "load/requests.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kInputBytes = 1024 * 1024;
constexpr size_t kAnswerBytesMax = 16 * 1024 * 1024;

Error failed(std::string_view call) {
  const int number = errno;
  return Error(Code::kInternalError, std::string(call) + ": " + std::strerror(number))
      .with("errno", number);
}

/// The slow way, for answers that do not start as this server writes them.
Result<uint32_t> parsed_id(std::string_view payload) {
  json::Document document;
  RSTMDB_TRY(document.parse(payload));
  const json::Value answer = document.root();
  uint32_t id = 0;
  const std::string_view text = answer["id"].is_string() ? answer["id"].string() : "";
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool sound = answer["status"].is_string() && answer["status"].string() == "ok" &&
                     read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!sound)
    return Error(Code::kInternalError, "an answer that is no success").with("answer", payload);
  return id;
}

}  // namespace

Result<uint32_t> answered_id(std::string_view payload) {
  constexpr std::string_view kStart = R"({"type":"response","id":")";
  constexpr std::string_view kThen = R"(","status":"ok")";
  uint32_t id = 0;
  if (!payload.starts_with(kStart)) return parsed_id(payload);
  const char* end = payload.data() + payload.size();
  const auto read = std::from_chars(payload.data() + kStart.size(), end, id);
  const std::string_view rest(read.ptr, static_cast<size_t>(end - read.ptr));
  if (read.ec != std::errc() || !rest.starts_with(kThen)) return parsed_id(payload);
  return id;
}

Connection::Connection(int descriptor)
    : descriptor_(descriptor), input_(64 * 1024), frames_(wire::Dialect::kRcpx, kAnswerBytesMax) {}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      out_(std::move(other.out_)),
      input_(std::move(other.input_)),
      begin_(other.begin_),
      end_(other.end_),
      frames_(other.frames_) {}

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
  if (connection.descriptor_ < 0) return failed("socket");
  if (::connect(connection.descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return failed("connect");
  const int on = 1;
  ::setsockopt(connection.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  append_hello(connection.out_);
  RSTMDB_ASSIGN(const std::string_view welcome, connection.wait_for_answer());
  RSTMDB_TRY(answered_id(welcome));
  return connection;
}

void Connection::set_nonblocking() {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

Result<bool> Connection::send() {
  size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t size = ::send(descriptor_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) return failed("send");
    sent += static_cast<size_t>(size);
  }
  out_.erase(0, sent);
  return out_.empty();
}

Result<size_t> Connection::receive() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == input_.size()) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == input_.size()) input_.resize(std::max(kInputBytes, input_.size() * 2));
  }
  const ssize_t size = ::recv(descriptor_, input_.data() + end_, input_.size() - end_, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return size_t{0};
  if (size < 0) return failed("recv");
  if (size == 0) return Error(Code::kInternalError, "the server has closed the connection");
  end_ += static_cast<size_t>(size);
  return static_cast<size_t>(size);
}

Result<std::string_view> Connection::next_answer() {
  RSTMDB_ASSIGN(const auto frame, frames_.next({input_.data() + begin_, end_ - begin_}));
  if (!frame) return std::string_view();
  begin_ += frame->size;
  return frame->payload;
}

Result<std::string_view> Connection::wait_for_answer() {
  RSTMDB_ASSIGN(const bool sent, send());
  RSTMDB_CHECK(sent, "a blocking send left something");
  while (true) {
    RSTMDB_ASSIGN(const std::string_view answer, next_answer());
    if (!answer.empty()) return answer;
    RSTMDB_ASSIGN(const size_t size, receive());
    static_cast<void>(size);
  }
}

}  // namespace rstmdb::bench
