#include "http/request.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

namespace beast_http = boost::beast::http;
using beast_http::field;

constexpr std::string_view kEnd = "\r\n\r\n";
using Parser = beast_http::request_parser<beast_http::empty_body>;
using Head = Parser::value_type;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool same_word(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

/// Beast takes a field that goes on in the next line, and some line ends that are none.
std::optional<Refusal> check_bytes(std::string_view head, size_t from) {
  for (size_t i = from; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '\0') return Refusal{400, "a zero byte in the head"};
    if (c == '\n' && (i == 0 || head[i - 1] != '\r')) return Refusal{400, "a line without CR"};
    if (i == 0 || head[i - 1] != '\r') continue;
    if (c != '\n') return Refusal{400, "a CR without LF"};
    const bool goes_on = i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t');
    if (goes_on) return Refusal{400, "a field that goes on in the next line"};
  }
  return std::nullopt;
}

/// A field of which one is taken at most; kIgnored: where two may stand, two count as none.
struct Known {
  std::string_view name;
  std::optional<std::string_view> Request::* place;
  enum class Repeated : uint8_t { kRefused, kIgnored } repeated = Repeated::kRefused;
};

constexpr Known kKnown[] = {
    {"authorization", &Request::authorization},
    {"content-type", &Request::content_type},
    {"accept-encoding", &Request::accept_encoding, Known::Repeated::kIgnored},
    {"if-match", &Request::if_match},
    {"if-none-match", &Request::if_none_match, Known::Repeated::kIgnored},
    {"idempotency-key", &Request::idempotency_key},
    {"last-event-id", &Request::last_event_id},
    {"origin", &Request::origin},
};

/// The fields that say how the message is to be read.
struct Framing {
  std::optional<std::string_view> length;
  std::optional<std::string_view> coding;
  std::optional<std::string_view> expects;
  size_t hosts = 0;
};

std::optional<Refusal> keep_once(std::optional<std::string_view>& place, std::string_view value) {
  if (place) return Refusal{400, "a field that may stand once stands twice"};
  place = value;
  return std::nullopt;
}

std::optional<Refusal> keep_known(Request& request, std::string_view name, std::string_view value) {
  for (const Known& known : kKnown) {
    if (!same_word(known.name, name)) continue;
    std::optional<std::string_view>& place = request.*known.place;
    if (place && known.repeated == Known::Repeated::kIgnored) value = {};
    if (known.repeated == Known::Repeated::kRefused) return keep_once(place, value);
    place = value;
  }
  return std::nullopt;
}

std::optional<Refusal> read_fields(const Head& head, Request& request, Framing& framing) {
  size_t fields = 0;
  for (const auto& one : head) {
    if (++fields > limits::kHttpFieldsMax) return Refusal{431, "too many fields"};
    const std::string_view value = view(one.value());
    std::optional<Refusal> refused;
    switch (one.name()) {
      case field::host:
        ++framing.hosts;
        request.host = value;
        break;
      case field::content_length:
        refused = keep_once(framing.length, value);
        break;
      case field::transfer_encoding:
        refused = keep_once(framing.coding, value);
        break;
      case field::expect:
        refused = keep_once(framing.expects, value);
        break;
      default:
        refused = keep_known(request, view(one.name_string()), value);
    }
    if (refused) return refused;
  }
  return std::nullopt;
}

/// Whether the message says in one way only where its body ends.
std::optional<Refusal> read_length(const Framing& framing, const Parser& parser, Request& request) {
  request.says_length = framing.length || framing.coding;
  if (framing.length && framing.coding)
    return Refusal{400, "Content-Length and Transfer-Encoding together"};
  if (framing.coding) {
    if (request.http_1_0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!same_word(*framing.coding, "chunked"))
      return Refusal{501, "of the transfer codings only chunked is known here"};
    request.body = Request::Body::kChunked;
  }
  if (!framing.length) return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (framing.length->empty() || !std::ranges::all_of(*framing.length, is_digit))
    return Refusal{400, "Content-Length is no number"};
  request.body_bytes = parser.content_length().value_or(0);
  if (request.body_bytes > 0) request.body = Request::Body::kSized;
  return std::nullopt;
}

/// Splits "/metrics?x=1", also of "http://host/metrics?x=1".
bool split_target(std::string_view target, Request& request) {
  constexpr std::string_view kSchemes[] = {"http://", "https://"};
  for (const std::string_view scheme : kSchemes) {
    if (!target.starts_with(scheme)) continue;
    const size_t end = target.find_first_of("/?", scheme.size());
    if (end == scheme.size()) return false;  // no host
    target = end == std::string_view::npos ? "" : target.substr(end);
    if (!target.starts_with('/')) request.path = "/";
    break;
  }
  const bool starts = target.starts_with('/') || request.path == "/";
  if (!starts || target.contains('#')) return false;
  const size_t question = target.find('?');
  if (request.path.empty()) request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return true;
}

std::optional<Refusal> read_parsed(const Parser& parser, Request& request) {
  const Head& head = parser.get();
  request.method = view(head.method_string());
  request.http_1_0 = head.version() == 10;
  request.keep_alive = head.keep_alive();
  Framing framing;
  if (auto refused = read_fields(head, request, framing)) return refused;
  if (auto refused = read_length(framing, parser, request)) return refused;
  if (framing.hosts > 1 || (framing.hosts == 0 && !request.http_1_0))
    return Refusal{400, "a request has one Host"};
  if (!split_target(view(head.target()), request)) return Refusal{400, "the target is no path"};
  if (framing.expects && !request.http_1_0) {
    if (!same_word(*framing.expects, "100-continue"))
      return Refusal{417, "of what a request may expect only 100-continue is known here"};
    request.expects_continue = request.body != Request::Body::kNone;
  }
  return std::nullopt;
}

}  // namespace

struct RequestReader::Message {
  std::optional<Parser> parser;

  Parser& renew() {
    parser.emplace();
    parser->header_limit(static_cast<uint32_t>(limits::kHttpHeadBytesMax));
    parser->body_limit(boost::none);
    parser->eager(false);
    return *parser;
  }
};

RequestReader::RequestReader() : message_(std::make_unique<Message>()) {}
RequestReader::~RequestReader() = default;

std::expected<const Request*, Refusal> RequestReader::next(std::string_view input) {
  const size_t end = input.find(kEnd, looked_ < kEnd.size() ? 0 : looked_ - kEnd.size());
  const bool whole = end != std::string_view::npos;
  const std::string_view head = whole ? input.substr(0, end + kEnd.size()) : input;
  if (head.size() > limits::kHttpHeadBytesMax)
    return std::unexpected(Refusal{431, "the head of the request is too long"});
  // What was looked at last time may have ended in the middle of a line end.
  if (const auto refusal = check_bytes(head, looked_ < 2 ? 0 : looked_ - 2))
    return std::unexpected(*refusal);
  if (!whole) {
    looked_ = input.size();
    return nullptr;
  }
  looked_ = 0;
  Parser& parser = message_->renew();
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error == beast_http::error::bad_version)
    return std::unexpected(Refusal{505, "this version of HTTP is not spoken here"});
  if (error || !parser.is_header_done()) return std::unexpected(Refusal{400, "no HTTP request"});
  request_ = Request{.size = head.size()};
  if (const auto refusal = read_parsed(parser, request_)) return std::unexpected(*refusal);
  return &request_;
}

std::expected<void, Refusal> RequestReader::begin_body(size_t bytes_max) {
  switch (request_.body) {
    case Request::Body::kNone:
      body_.begin_none();
      return {};
    case Request::Body::kSized:
      return body_.begin_sized(request_.body_bytes, bytes_max);
    case Request::Body::kChunked:
      body_.begin_chunks(bytes_max);
      return {};
  }
  return {};
}

}  // namespace rstmdb::http
