#include "hello.h"

#include <poll.h>

#include "answer.h"
#include "base/limits.h"
#include "json/writer.h"
#include "rstmdb/client.h"

namespace rstmdb::client {
namespace {

constexpr std::string_view kHelloId = "hello";
constexpr std::string_view kAuthId = "auth";
constexpr size_t kReadBytes = 16 * 1024;

void trace(const Options& options, TraceEvent event, std::string_view text) {
  if (options.trace) options.trace(event, text);
}

void append_request(std::string& out, const Options& options, std::string_view message) {
  const wire::Dialect dialect = dialect_of(options.wire);
  const size_t start = wire::begin_frame(out, dialect);
  out += message;
  wire::end_frame(out, dialect, start);
  trace(options, TraceEvent::kSent, message);
}

/// HELLO and, with a token, AUTH behind it without waiting.
std::string opening(const Options& options) {
  std::string hello;
  json::Writer writer(hello);
  writer.open_object()
      .member("type", "request")
      .member("id", kHelloId)
      .member("op", "HELLO")
      .key("params")
      .open_object()
      .member("protocol_version", static_cast<uint32_t>(wire::kProtocolVersion))
      .member("client_name", std::string_view(options.client_name))
      .member("client_version", library_version())
      .key("wire_modes")
      .open_array()
      .value(options.wire == Wire::kJsonl ? "jsonl" : "binary_json")
      .close_array()
      .close_object()
      .close_object();
  std::string out;
  append_request(out, options, hello);
  if (options.token.empty()) return out;
  std::string auth;
  json::Writer(auth)
      .open_object()
      .member("type", "request")
      .member("id", kAuthId)
      .member("op", "AUTH")
      .key("params")
      .open_object()
      .member("token", std::string_view(options.token))
      .close_object()
      .close_object();
  append_request(out, options, auth);
  return out;
}

Result<void> send_all(Transport& transport, std::string_view bytes, TimePoint deadline,
                      Waiter& waiter) {
  while (true) {
    auto sent = transport.write(bytes);
    if (!sent.ok()) return sent.error();
    bytes.remove_prefix(*sent);
    if (bytes.empty() && !transport.has_unsent()) return {};
    auto ready = waiter.await(transport.fd(), POLLOUT, deadline);
    if (!ready.ok()) return ready.error();
  }
}

Result<void> read_more(Session& session, TimePoint deadline, Waiter& waiter) {
  char bytes[kReadBytes];
  while (true) {
    auto got = session.transport->read(bytes, sizeof bytes);
    if (!got.ok()) return got.error();
    if (*got > 0) {
      session.input.append(bytes, *got);
      return {};
    }
    auto ready = waiter.await(session.transport->fd(), POLLIN, deadline);
    if (!ready.ok()) return ready.error();
  }
}

/// Reads one answer; an error of the server is this function's error.
Result<void> expect_answer(Session& session, const Options& options, TimePoint deadline,
                           Waiter& waiter) {
  json::Document document;
  while (true) {
    const auto frame = session.frames.next(session.input);
    if (!frame.ok()) return Error(ErrorKind::kProtocol, frame.error().message());
    if (!*frame) {
      auto more = read_more(session, deadline, waiter);
      if (!more.ok()) return more.error();
      continue;
    }
    const std::string payload((*frame)->payload);
    session.input.erase(0, (*frame)->size);
    if (payload.empty()) continue;
    trace(options, TraceEvent::kReceived, payload);
    const auto message = parse_message(document, payload);
    if (!message.ok()) return message.error();
    auto answer = read_answer(*message);
    if (!answer.ok()) return answer.error();
    if (answer->error) return *answer->error;
    if (answer->id == kHelloId || answer->id == kAuthId) return {};
    return Error(ErrorKind::kProtocol, "an answer to a request that was not made");
  }
}

}  // namespace

wire::Dialect dialect_of(Wire wire) {
  return wire == Wire::kJsonl ? wire::Dialect::kJsonl : wire::Dialect::kRcpx;
}

Result<Session> open_session(const Options& options, TimePoint deadline, Waiter& waiter) {
  auto transport = connect_tcp(options, deadline, waiter);
  if (transport.ok() && options.tls) {
    transport = start_tls(std::move(transport).value(), options, deadline, waiter);
  }
  if (!transport.ok()) return transport.error();
  Session session{std::move(transport).value(),
                  wire::FrameReader(dialect_of(options.wire), limits::kFramePayloadBytesMax),
                  {}};
  auto sent = send_all(*session.transport, opening(options), deadline, waiter);
  if (!sent.ok()) return sent.error();
  for (int answers = options.token.empty() ? 1 : 2; answers > 0; --answers) {
    auto answered = expect_answer(session, options, deadline, waiter);
    if (!answered.ok()) return answered.error();
  }
  trace(options, TraceEvent::kConnected, options.host + ":" + std::to_string(options.port));
  return session;
}

}  // namespace rstmdb::client
