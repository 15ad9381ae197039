#include "http/response.h"

#include <gtest/gtest.h>

namespace rstmdb::http {
namespace {

TEST(Response, IsWrittenWithItsLengthAndWithoutSniffing) {
  std::string out;
  append_response(out, {.status = 200, .body = "{}"}, Body::kWithBody, After::kKeep,
                  date_text(784'111'777'000));
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n{}");
}

TEST(Response, AHeadSaysTheLengthOnly) {
  std::string out;
  append_response(out, {.body = "12345"}, Body::kHeadOnly, After::kClose, date_text(0));
  EXPECT_NE(out.find("\r\nContent-Length: 5\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
  EXPECT_NE(out.find("Date: Thu, 01 Jan 1970 00:00:00 GMT"), std::string::npos);
}

TEST(Response, RefusalsSayWhy) {
  EXPECT_EQ(refusal(404).body, "{\"error\":\"Not Found\"}\n");
  EXPECT_EQ(refusal(400, "a \"b\"").body, "{\"error\":\"a \\\"b\\\"\"}\n");
  for (const int status : {200, 201, 304, 400, 401, 403, 404, 405, 408, 409, 410, 411,
                           412, 413, 415, 417, 421, 422, 429, 431, 500, 501, 503, 505})
    EXPECT_NE(status_words(status), "Unknown") << status;
}

TEST(Response, WhatGoesOnIsWrittenInChunks) {
  std::string out;
  append_response(out, {.content_type = "text/event-stream"}, Body::kWithBody, After::kClose,
                  date_text(0), Extent::kChunks);
  EXPECT_NE(out.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(out.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST(Response, MoreFieldsAreWrittenAsTheyAre) {
  std::string out;
  append_response(out, Response{.status = 304, .content_type = {}}.with("ETag", "\"7\""),
                  Body::kWithBody, After::kKeep, date_text(0));
  EXPECT_TRUE(out.ends_with("\r\nETag: \"7\"\r\n\r\n"));
  EXPECT_EQ(out.find("\r\nContent-"), std::string::npos) << "304 has no body to tell of";
}

TEST(Response, TheDateIsMadeOnceASecond) {
  DateLine date;
  EXPECT_EQ(date.at(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date.at(784'111'777'999), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date.at(784'111'778'000), "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace rstmdb::http
