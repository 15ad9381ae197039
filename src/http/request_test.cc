#include "http/request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

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

Request read(std::string_view input) {
  RequestReader reader;
  auto request = reader.next(input);
  EXPECT_TRUE(request && *request) << input;
  return request && *request ? std::move(**request) : Request{};
}

std::string with_field(std::string_view field) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n";
}

TEST(Request, IsCutFromTheFrontOfTheInput) {
  const Request request = read(std::string(kGet) + "GET /next");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/metrics");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.http_1_0);
  EXPECT_EQ(request.size, kGet.size());
}

TEST(Request, ThePathIsWhatStandsBeforeTheQuery) {
  EXPECT_EQ(read("GET /a?b=/c HTTP/1.1\r\nHost: a\r\n\r\n").path, "/a");
  EXPECT_EQ(read("GET http://a:1/b?c HTTP/1.1\r\nHost: a:1\r\n\r\n").path, "/b");
  EXPECT_EQ(read("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
  EXPECT_EQ(read("GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n").path, "/%2e%2e/x");
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(Request, KnowsWhetherTheConnectionGoesOn) {
  EXPECT_FALSE(read(with_field("Connection: close")).keep_alive);
  const Request plain = read("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(plain.keep_alive);
  EXPECT_TRUE(plain.http_1_0);
  EXPECT_TRUE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(Request, LengthsThatCouldBeReadInTwoWaysAreRefused) {
  EXPECT_EQ(status_of(with_field("Content-Length: 0")), 200);
  EXPECT_EQ(status_of(with_field("Content-Length: 1")), 413);
  EXPECT_EQ(status_of(with_field("Content-Length: 99999999999999999999")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: -1")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: +0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0, 0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0\r\nContent-Length: 0")), 400);
  EXPECT_EQ(status_of(with_field("Content-Length: 0\r\nContent-Length: 5")), 400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: chunked")), 400);
  EXPECT_EQ(status_of(with_field("Transfer-Encoding: identity")), 400);
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

RC_GTEST_PROP(Request, ReadInPiecesItIsTheSame, ()) {
  const std::string input = *rc::gen::element(
      std::string(kGet), with_field("X: a\r\n b"), with_field("Y: z"), with_field("A: b\nC: d"),
      std::string("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), with_field("Content-Length: 7"));
  RequestReader reader;
  std::expected<std::optional<Request>, Refusal> last = std::optional<Request>();
  for (size_t size = 0; size < input.size() && last && !*last;) {
    size = std::min(input.size(), size + *rc::gen::inRange<size_t>(1, 8));
    last = reader.next(std::string_view(input).substr(0, size));
  }
  RC_ASSERT((last ? (*last ? 200 : 0) : last.error().status) == status_of(input));
}

}  // namespace
}  // namespace rstmdb::http
