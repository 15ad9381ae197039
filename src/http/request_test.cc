#include "http/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <charconv>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

constexpr std::string_view kGet = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

/// The status of the refusal, 0 for "not whole yet", 200 for a request.
int status_of(std::string_view input) {
  RequestReader reader;
  const auto request = reader.next(input);
  if (!request) return request.error().status;
  return *request ? 200 : 0;
}

/// What a reader has read, with what it points to.
struct Whole {
  std::string input;
  std::unique_ptr<RequestReader> reader = std::make_unique<RequestReader>();
  Request request = {};
};

Whole read_whole(std::string_view input) {
  Whole whole{.input = std::string(input)};
  const auto request = whole.reader->next(whole.input);
  EXPECT_TRUE(request && *request) << input;
  if (request && *request) whole.request = **request;
  return whole;
}

/// The status of the refusal of a request with its body, 0 for "not whole yet", 200 for a request;
/// fed `step` bytes at a time. `body` gets the body, `rest` what is left of the input.
int status_with_body(std::string_view input, size_t step, std::string* body = nullptr,
                     std::string* rest = nullptr, size_t bytes_max = 1'000) {
  RequestReader reader;
  std::string buffer;
  const Request* request = nullptr;
  while (true) {
    if (request == nullptr) {
      const auto next = reader.next(buffer);
      if (!next) return next.error().status;
      request = *next;
      if (request != nullptr) {
        buffer.erase(0, request->size);
        if (const auto begun = reader.begin_body(bytes_max); !begun) return begun.error().status;
      }
    }
    if (request != nullptr) {
      const auto taken = reader.body().take(buffer);
      if (!taken) return taken.error().status;
      buffer.erase(0, *taken);
      if (reader.body().done()) break;
    }
    if (input.empty()) return 0;
    buffer.append(input.substr(0, step));
    input.remove_prefix(std::min(step, input.size()));
  }
  if (body != nullptr) *body = reader.body().bytes();
  if (rest != nullptr) *rest = buffer + std::string(input);
  return 200;
}

std::string chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string with_field(std::string_view field) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n";
}

TEST(Request, IsCutFromTheFrontOfTheInput) {
  const Whole whole = read_whole(std::string(kGet) + "GET /next");
  const Request& request = whole.request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/metrics");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.http_1_0);
  EXPECT_EQ(request.size, kGet.size());
}

TEST(Request, ThePathIsWhatStandsBeforeTheQuery) {
  EXPECT_EQ(read_whole("GET /a?b=/c HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/a");
  EXPECT_EQ(read_whole("GET http://a:1/b?c HTTP/1.1\r\nHost: a:1\r\n\r\n").request.path, "/b");
  EXPECT_EQ(read_whole("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/");
  EXPECT_EQ(read_whole("GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/%2e%2e/x");
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(Request, KnowsWhetherTheConnectionGoesOn) {
  EXPECT_FALSE(read_whole(with_field("Connection: close")).request.keep_alive);
  const Whole plain = read_whole("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(plain.request.keep_alive);
  EXPECT_TRUE(plain.request.http_1_0);
  EXPECT_TRUE(read_whole("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
}

TEST(Request, LengthsThatCouldBeReadInTwoWaysAreRefused) {
  EXPECT_EQ(status_of(with_field("Content-Length: 0")), 200);
  EXPECT_EQ(status_of(with_field("Content-Length: 1")), 200);
  EXPECT_EQ(status_of(with_field("Content-Length: 99999999999999999999")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: -1")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: +0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0, 0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0\r\nContent-Length: 0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0\r\nContent-Length: 5")), 400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked")), 200);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: Chunked")), 200);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: gzip, chunked")), 501);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked, chunked")), 501);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked;x=1")), 501);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: \x0b"
                                 "chunked")),
            400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding:")), 501);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: identity")), 501);
  EXPECT_EQ(status_of(with_field("Content-Length: 0\r\nTransfer-Encoding: chunked")), 400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked\r\nContent-Length: 3")), 400);
}

TEST(Request, LinesThatCouldBeReadInTwoWaysAreRefused) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), 400);
  EXPECT_EQ(status_of(with_field("X: a\r\n b")), 400) << "a folded field";
  EXPECT_EQ(status_of(with_field("X: a\r\n\tb")), 400);
  EXPECT_EQ(status_of(with_field("X : a")), 400) << "white space before the colon";
  EXPECT_EQ(status_of(with_field("X")), 400);
  EXPECT_EQ(status_of(with_field(std::string_view("X: a\0b", 6))), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(Request, ARequestHasOneHost) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of(with_field("Host: b")), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200);
}

TEST(Request, OtherVersionsAndOtherProtocolsAreRefused) {
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_EQ(status_of("RCPX nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of(std::string_view("\x16\x03\x01\x00\xa5\x01\x00\n", 8)), 400) << "TLS";
}

TEST(Request, AHeadAsLongAsAllowedAndOneByteMore) {
  const size_t frame = with_field("X: ").size();
  const std::string most = with_field("X: " + std::string(limits::kHttpHeadBytesMax - frame, 'x'));
  ASSERT_EQ(most.size(), limits::kHttpHeadBytesMax);
  EXPECT_EQ(status_of(most), 200);
  EXPECT_EQ(status_of(with_field("X: " + std::string(limits::kHttpHeadBytesMax - frame + 1, 'x'))),
            431);
  EXPECT_EQ(status_of(std::string(limits::kHttpHeadBytesMax, 'x')), 0);
  EXPECT_EQ(status_of(std::string(limits::kHttpHeadBytesMax + 1, 'x')), 431);
}

TEST(Request, AHundredFieldsAndOneMore) {
  const auto fields = [](size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (size_t i = 1; i < count; ++i) text += "X" + std::to_string(i) + ": y\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(status_of(fields(limits::kHttpFieldsMax)), 200);
  EXPECT_EQ(status_of(fields(limits::kHttpFieldsMax + 1)), 431);
}

TEST(Request, FieldsThatWeGoByStandThereOnce) {
  const Whole whole =
      read_whole(with_field("Authorization: Bearer a\r\nContent-Type: b\r\nIF-MATCH: \"7\"\r\n"
                            "If-None-Match: c\r\nIdempotency-Key: d\r\nLast-Event-ID: 8\r\n"
                            "Accept-Encoding: gzip"));
  const Request& request = whole.request;
  EXPECT_EQ(request.authorization, "Bearer a");
  EXPECT_EQ(request.content_type, "b");
  EXPECT_EQ(request.if_match, "\"7\"");
  EXPECT_EQ(request.if_none_match, "c");
  EXPECT_EQ(request.idempotency_key, "d");
  EXPECT_EQ(request.last_event_id, "8");
  EXPECT_EQ(request.accept_encoding, "gzip");
  for (const std::string name :
       {"Authorization", "Content-Type", "If-Match", "Idempotency-Key", "Last-Event-ID", "Expect"})
    EXPECT_EQ(status_of(with_field(name + ": 100-continue\r\n" + name + ": 100-continue")), 400)
        << name;
  EXPECT_EQ(read_whole(with_field("If-None-Match: a\r\nIf-None-Match: b")).request.if_none_match,
            "")
      << "a list in two fields says nothing";
  EXPECT_FALSE(read_whole(kGet).request.authorization);
}

TEST(Request, WhatIsExpectedIsKnown) {
  EXPECT_EQ(status_of(with_field("Expect: 200-ok")), 417);
  EXPECT_FALSE(read_whole(with_field("Expect: 100-continue")).request.expects_continue)
      << "no body";
  EXPECT_TRUE(
      read_whole(with_field("Expect: 100-Continue\r\nContent-Length: 3")).request.expects_continue);
}

TEST(Request, TheQueryAndTheAbsoluteForm) {
  EXPECT_EQ(read_whole("GET /a?b=/c?d HTTP/1.1\r\nHost: a\r\n\r\n").request.query, "b=/c?d");
  EXPECT_EQ(read_whole("GET https://h?x HTTP/1.1\r\nHost: a\r\n\r\n").request.query, "x");
  EXPECT_EQ(status_of("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestBody, OfALengthIsTakenToItsEnd) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
  for (const size_t step : {1u, 3u, 1'000u}) {
    std::string body, rest;
    EXPECT_EQ(status_with_body(head + "helloGET /", step, &body, &rest), 200);
    EXPECT_EQ(body, "hello");
    EXPECT_TRUE(std::string_view("GET /").ends_with(rest) || rest == "GET /") << rest;
    EXPECT_EQ(status_with_body(head + "hell", step), 0);
  }
}

TEST(RequestBody, OfChunksIsPutTogether) {
  for (const size_t step : {1u, 2u, 7u, 1'000u}) {
    std::string body, rest;
    EXPECT_EQ(status_with_body(chunked("5\r\nhello\r\n00A\r\n wide worl\r\n1\r\nd\r\n0\r\n\r\nGET"),
                               step, &body, &rest),
              200);
    EXPECT_EQ(body, "hello wide world");
    EXPECT_TRUE(std::string_view("GET").starts_with(rest) || rest == "GET") << rest;
    EXPECT_EQ(status_with_body(chunked("5\r\nhello\r\n0\r\n"), step), 0);
  }
}

TEST(RequestBody, ChunksThatCouldBeReadInTwoWaysAreRefused) {
  for (const size_t step : {1u, 4u, 1'000u}) {
    for (const std::string_view body :
         {"5;x=y\r\nhello\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
          " 5\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
          "5\r\nhello0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n",
          "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
          "g\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", "0;x\r\n\r\n",
          "0\r\nContent-Length: 5\r\n\r\n", "0\r\n X: y\r\n\r\n",
          "10000000000000000\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"}) {
      EXPECT_EQ(status_with_body(chunked(body), step), 400) << body << " by " << step;
    }
    EXPECT_EQ(status_with_body(chunked(std::string(limits::kHttpChunkLineBytesMax, '0')), step),
              400);
  }
}

TEST(RequestBody, MayBeAsLongAsAllowedAndNotLonger) {
  const auto sized = [](size_t size) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'x');
  };
  for (const size_t step : {7u, 10'000u}) {
    EXPECT_EQ(status_with_body(sized(1'000), step), 200);
    EXPECT_EQ(status_with_body(sized(1'001), step), 413);
    const std::string half = "1f4\r\n" + std::string(500, 'x') + "\r\n";
    EXPECT_EQ(status_with_body(chunked(half + half + "0\r\n\r\n"), step), 200);
    EXPECT_EQ(status_with_body(chunked(half + half + "1\r\nx\r\n0\r\n\r\n"), step), 413);
    EXPECT_EQ(status_with_body(chunked("fffffffffffffff\r\n"), step), 413);
  }
}

RC_GTEST_PROP(RequestBody, ComesOutAsItWentIn, (const std::string& body)) {
  std::string chunks, rest = body;
  while (!rest.empty()) {
    const auto size = *rc::gen::inRange<size_t>(1, rest.size() + 1);
    std::array<char, 8> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), size, 16).ptr;
    chunks.append(hex.data(), end).append("\r\n").append(rest, 0, size).append("\r\n");
    rest.erase(0, size);
  }
  std::string got;
  RC_ASSERT(status_with_body(chunked(chunks + "0\r\n\r\n"), *rc::gen::inRange<size_t>(1, 20), &got,
                             nullptr, 100'000) == 200);
  RC_ASSERT(got == body);
}

RC_GTEST_PROP(Request, ReadInPiecesItIsTheSame, ()) {
  const std::string input = *rc::gen::element(
      std::string(kGet), with_field("X: a\r\n b"), with_field("Y: z"), with_field("A: b\nC: d"),
      std::string("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), with_field("Content-Length: 7"));
  RequestReader reader;
  std::expected<const Request*, Refusal> last = nullptr;
  for (size_t size = 0; size < input.size() && last && !*last;) {
    size = std::min(input.size(), size + *rc::gen::inRange<size_t>(1, 8));
    last = reader.next(std::string_view(input).substr(0, size));
  }
  RC_ASSERT((last ? (*last ? 200 : 0) : last.error().status) == status_of(input));
}

}  // namespace
}  // namespace rstmdb::http
