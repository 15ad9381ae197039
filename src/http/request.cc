#include "http/request.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::request_parser<beast_http::empty_body>;
using Message = beast_http::request<beast_http::empty_body>;

constexpr std::string_view kEnd = "\r\n\r\n";

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

/// Whether the message says, in one way only, that no body follows.
std::optional<Refusal> check_length(const Message& message) {
  if (message.count(beast_http::field::transfer_encoding) > 0)
    return Refusal{400, "Transfer-Encoding is not taken here"};
  const size_t lengths = message.count(beast_http::field::content_length);
  if (lengths > 1) return Refusal{400, "Content-Length twice"};
  if (lengths == 0) return std::nullopt;
  const auto length = message[beast_http::field::content_length];
  if (length.empty() || !std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; }))
    return Refusal{400, "Content-Length is no number"};
  if (!std::ranges::all_of(length, [](char c) { return c == '0'; }))
    return Refusal{413, "no request has a body here"};
  return std::nullopt;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// "/metrics" of "/metrics?x=1" and of "http://host/metrics"; nothing for other targets.
std::optional<std::string> path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const size_t slash = target.find('/', kScheme.size());
    if (slash == std::string_view::npos) return "/";
    target.remove_prefix(slash);
  }
  if (!target.starts_with('/')) return std::nullopt;
  return std::string(target.substr(0, target.find('?')));
}

std::expected<Request, Refusal> read_head(std::string_view head) {
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(limits::kHttpHeadBytesMax));
  parser.eager(false);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error == beast_http::error::bad_version)
    return std::unexpected(Refusal{505, "this version of HTTP is not spoken here"});
  if (error == beast_http::error::body_limit)
    return std::unexpected(Refusal{413, "no request has a body here"});
  if (error || !parser.is_header_done()) return std::unexpected(Refusal{400, "no HTTP request"});
  const Message& message = parser.get();
  if (const auto refusal = check_length(message)) return std::unexpected(*refusal);
  const size_t hosts = message.count(beast_http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11))
    return std::unexpected(Refusal{400, "a request has one Host"});
  auto path = path_of(view(message.target()));
  if (!path) return std::unexpected(Refusal{400, "the target is no path"});
  return Request{.method = std::string(view(message.method_string())),
                 .path = std::move(*path),
                 .keep_alive = message.keep_alive(),
                 .http_1_0 = message.version() == 10,
                 .size = head.size()};
}

}  // namespace

std::expected<std::optional<Request>, Refusal> RequestReader::next(std::string_view input) {
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
    return std::nullopt;
  }
  looked_ = 0;
  auto request = read_head(head);
  if (!request) return std::unexpected(request.error());
  return std::optional<Request>(std::move(*request));
}

}  // namespace rstmdb::http
