#include "bare/loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "bench/latencies.h"
#include "json/scan.h"
#include "json/writer.h"
#include "load/connection.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kFileBytes = 256 * 1024 * 1024;
constexpr size_t kZerosBytes = 1024 * 1024;
constexpr size_t kInputBytes = 64 * 1024;
constexpr int kEventsMax = 256;
constexpr int64_t kPollNs = 100'000;  // before it sleeps; a wake-up costs a lone client more

}  // namespace

Result<std::unique_ptr<BareLoop>> BareLoop::open(const Options& options) {
  std::unique_ptr<BareLoop> loop(new BareLoop(options));
  RSTMDB_TRY(loop->make_file(options.folder));
  RSTMDB_TRY(loop->listen());
  return loop;
}

BareLoop::~BareLoop() {
  for (const auto& connection : connections_)
    if (connection->descriptor >= 0) ::close(connection->descriptor);
  for (const int descriptor : {file_, listener_, epoll_})
    if (descriptor >= 0) ::close(descriptor);
}

/// Nothing reads the file: it is gone with the process.
Result<void> BareLoop::make_file(const std::string& folder) {
  const std::string path = folder + "/bare.log";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0 || ::unlink(path.c_str()) != 0) return call_failed("open");
  const std::string zeros(kZerosBytes, '\0');
  for (size_t at = 0; at < kFileBytes; at += kZerosBytes) {
    if (::pwrite(file_, zeros.data(), zeros.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(zeros.size()))
      return call_failed("pwrite");
  }
  if (::fsync(file_) != 0) return call_failed("fsync");
  return {};
}

Result<void> BareLoop::listen() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* generic = reinterpret_cast<sockaddr*>(&at);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_ < 0 || ::bind(listener_, generic, size) != 0 || ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    return call_failed("listen");
  port_ = ntohs(at.sin_port);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0)
    return call_failed("epoll");
  return {};
}

Result<void> BareLoop::run() {
  std::array<epoll_event, kEventsMax> events;
  while (true) {
    int ready = 0;
    const int64_t sleeps_ns = now_ns() + kPollNs;
    do {
      const bool polls = now_ns() < sleeps_ns;
      ready = ::epoll_wait(epoll_, events.data(), kEventsMax, polls ? 0 : -1);
      if (ready < 0 && errno != EINTR) return call_failed("epoll_wait");
    } while (ready <= 0);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.ptr == nullptr) {
        RSTMDB_TRY(accept());
        continue;
      }
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      RSTMDB_ASSIGN(const bool there, receive(connection));
      if (there) RSTMDB_TRY(handle(connection));
    }
    RSTMDB_TRY(flush());
    RSTMDB_TRY(answer());
  }
}

Result<void> BareLoop::accept() {
  const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return errno == EAGAIN ? Result<void>() : call_failed("accept");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Connection& connection = *connections_.emplace_back(std::make_unique<Connection>());
  connection.descriptor = descriptor;
  connection.in.resize(kInputBytes);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return call_failed("epoll_ctl");
  return {};
}

/// False when the peer has gone.
Result<bool> BareLoop::receive(Connection& connection) {
  const ssize_t size = ::recv(connection.descriptor, connection.in.data() + connection.filled,
                              connection.in.size() - connection.filled, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    ::close(connection.descriptor);  // and with it, its place in epoll
    connection.descriptor = -1;
    return false;
  }
  connection.filled += static_cast<size_t>(size);
  touched_.push_back(&connection);
  return true;
}

Result<void> BareLoop::handle(Connection& connection) {
  size_t at = 0;
  for (size_t count = kAtOnce; count == kAtOnce;) {
    RSTMDB_ASSIGN(at, parse_some(connection, at, count));
    for (size_t i = 0; i < count; ++i) carry_out(parsed_[i], connection.out);
  }
  connection.filled -= at;
  std::memmove(connection.in.data(), connection.in.data() + at, connection.filled);
  return {};
}

/// Parses up to kAtOnce requests from `from` on and has their instances fetched; says where it
/// ended.
Result<size_t> BareLoop::parse_some(Connection& connection, size_t from, size_t& count) {
  for (count = 0; count < kAtOnce; ++count) {
    const std::string_view input(connection.in.data() + from, connection.filled - from);
    RSTMDB_ASSIGN(const auto frame, connection.frames.next(input));
    if (!frame) break;
    Parsed& parsed = parsed_[count];
    RSTMDB_TRY(parsed.document.parse(frame->payload));
    const json::Value id = parsed.document.root()["params"]["instance_id"];
    parsed.instance = id ? population_.find(id.string()) : nullptr;
    if (parsed.instance != nullptr) __builtin_prefetch(parsed.instance);
    from += frame->size;
  }
  for (size_t i = 0; i < count; ++i)
    if (parsed_[i].instance != nullptr) __builtin_prefetch(parsed_[i].instance->context.data());
  return from;
}

void BareLoop::carry_out(Parsed& parsed, std::string& out) {
  const json::Value request = parsed.document.root();
  const size_t start = wire::begin_frame(out, wire::Dialect::kRcpx);
  json::Writer writer(out);
  writer.open_object()
      .member("type", "response")
      .member("id", json::RawJson{request["id"].text()})
      .member("status", "ok")
      .key("result")
      .open_object();
  if (parsed.instance != nullptr) {
    BareInstance& instance = *parsed.instance;
    const std::string_view from = instance.in_b ? "b" : "a";
    const bool applies = request["op"].string() == "APPLY_EVENT";
    if (applies) {
      apply(instance, request["params"]["payload"].text());
      writer.member("from_state", from).member("to_state", instance.in_b ? "b" : "a");
    } else {
      writer.member("machine", "cycle").member("version", 1).member("state", from);
    }
    writer.member("ctx", json::RawJson{instance.context}).member("wal_offset", instance.offset);
    if (applies) writer.member("applied", true);
  }
  writer.close_object().close_object();
  wire::end_frame(out, wire::Dialect::kRcpx, start);
}

void BareLoop::apply(BareInstance& instance, std::string_view payload) {
  merged_.clear();
  json::append_merged(merged_, instance.context, payload);
  instance.context = merged_;
  instance.in_b = !instance.in_b;
  instance.offset = ++offset_;
  const size_t start = log_.size();
  append_le(log_, uint64_t{0});  // room for length and checksum
  append_le(log_, offset_);
  append_text(log_, instance.id);
  log_.push_back(instance.in_b ? 'b' : 'a');
  append_text(log_, payload);
  append_text(log_, instance.context);
  const std::string_view record = std::string_view(log_).substr(start + sizeof(uint64_t));
  store_le(log_.data() + start, static_cast<uint32_t>(record.size()));
  store_le(log_.data() + start + sizeof(uint32_t), crc32c(record));
}

Result<void> BareLoop::flush() {
  if (log_.empty()) return {};
  if (file_at_ + log_.size() > kFileBytes) file_at_ = 0;
  if (::pwrite(file_, log_.data(), log_.size(), static_cast<off_t>(file_at_)) !=
      static_cast<ssize_t>(log_.size()))
    return call_failed("pwrite");
  if (::fdatasync(file_) != 0) return call_failed("fdatasync");
  file_at_ += log_.size();
  log_.clear();
  return {};
}

/// The load takes what it asked for: what does not fit into the system's buffers is waited for.
Result<void> BareLoop::answer() {
  for (Connection* connection : touched_) {
    std::string_view left = connection->out;
    while (!left.empty() && connection->descriptor >= 0) {
      const ssize_t size = ::send(connection->descriptor, left.data(), left.size(), MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN && errno != EINTR) break;
      if (size > 0) left.remove_prefix(static_cast<size_t>(size));
    }
    connection->out.clear();
  }
  touched_.clear();
  return {};
}

}  // namespace rstmdb::bench
