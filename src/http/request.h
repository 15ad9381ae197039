// HTTP/1.x requests, cut from the bytes of a connection: one reader for every door. It takes
// nothing that two programs could understand in two ways. Line ends are CR LF, a field stands on
// one line, a field that we go by stands there once, and where a body ends is said in one way only:
// by one Content-Length, or by chunks (body.h). A body grows with what arrives, never by what its
// head announces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/body.h"

namespace rstmdb::http {

/// A request's head. Views into the reader, valid until it reads the next one.
struct Request {
  std::string_view method = {};  // "GET"
  std::string_view path = {};    // "/metrics", without query; percent signs are kept as they came
  std::string_view query = {};   // behind the question mark
  bool keep_alive = false;
  bool http_1_0 = false;
  size_t size = 0;  // bytes that the head took of the input

  enum class Body : uint8_t { kNone, kSized, kChunked };
  Body body = Body::kNone;   // kNone also for a length of zero
  uint64_t body_bytes = 0;   // announced; of kSized
  bool says_length = false;  // one of the two fields is there
  bool expects_continue = false;
  std::string_view host = {};  // "" in HTTP/1.0, if it is left out

  // Fields, missing or as they came.
  std::optional<std::string_view> authorization = {};
  std::optional<std::string_view> content_type = {};
  std::optional<std::string_view> accept_encoding = {};
  std::optional<std::string_view> if_match = {};
  std::optional<std::string_view> if_none_match = {};
  std::optional<std::string_view> idempotency_key = {};
  std::optional<std::string_view> last_event_id = {};
  std::optional<std::string_view> origin = {};
};

/// Reads one request after the other from the front of a growing input.
class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// The head at the front of `input`, or null when it is not whole yet. `input` begins with the
  /// same bytes as in the call before, unless that gave a request: bytes that come one by one are
  /// not looked at again.
  std::expected<const Request*, Refusal> next(std::string_view input);

  /// Sets out to read the body of the request that next() gave, if it has one; 413 when it is
  /// announced to be longer than `bytes_max`.
  std::expected<void, Refusal> begin_body(size_t bytes_max);
  BodyReader& body() { return body_; }

 private:
  struct Message;  // Beast's, which stays out of this header
  std::unique_ptr<Message> message_;
  Request request_;
  BodyReader body_;
  size_t looked_ = 0;
};

}  // namespace rstmdb::http
