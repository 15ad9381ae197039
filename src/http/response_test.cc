#include "http/response.h"

#include <gtest/gtest.h>

namespace rstmdb::http {
namespace {

TEST(Response, IsWrittenWithItsLengthAndWithoutSniffing) {
  std::string out;
  append_response(out, {.status = 200, .body = "{}"}, Body::kWithBody, After::kKeep,
                  784'111'777'000);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n{}");
}

TEST(Response, AHeadSaysTheLengthOnly) {
  std::string out;
  append_response(out, {.body = "12345"}, Body::kHeadOnly, After::kClose, 0);
  EXPECT_NE(out.find("\r\nContent-Length: 5\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
  EXPECT_NE(out.find("Date: Thu, 01 Jan 1970 00:00:00 GMT"), std::string::npos);
}

TEST(Response, RefusalsSayWhy) {
  EXPECT_EQ(refusal(404).body, "{\"error\":\"Not Found\"}\n");
  EXPECT_EQ(refusal(400, "a \"b\"").body, "{\"error\":\"a \\\"b\\\"\"}\n");
  for (const int status : {200, 400, 404, 405, 408, 413, 431, 503, 505})
    EXPECT_NE(status_words(status), "Unknown") << status;
}

}  // namespace
}  // namespace rstmdb::http
