#include "http/outer_params.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "json/writer.h"

namespace rstmdb::http {
namespace {

/// The object, or the refusal's path in brackets.
std::string params_of(std::string_view method, std::string_view path, std::string_view query,
                      std::string_view last_id = "") {
  Request request;
  request.method = method;
  request.path = path;
  request.query = query;
  if (!last_id.empty()) request.last_event_id = last_id;
  std::string out;
  const auto done = write_outer_params(out, find_route(method, path), request, "");
  return done.ok() ? out : "[" + std::string(done.error().detail("path")) + "]";
}

TEST(OuterParams, TextBecomesWhatTheTypeWants) {
  EXPECT_EQ(params_of("GET", "/v1/ping", ""), "{}");
  EXPECT_EQ(params_of("GET", "/v1/machines/a%20b/versions/7", ""),
            R"({"machine":"a b","version":7})");
  EXPECT_EQ(params_of("GET", "/instances", "machine=a+b%2B&limit=10&cursor="),
            R"({"machine":"a b+","limit":10,"cursor":""})");
  EXPECT_EQ(params_of("GET", "/v1/watch", "include_ctx=false&kinds=a,b&kinds=c%2Cd"),
            R"({"include_ctx":false,"kinds":["a","b","c,d"]})");
}

TEST(OuterParams, WhatDoesNotFitStaysTextForTheCheckOfAll) {
  EXPECT_EQ(params_of("GET", "/v1/instances", "limit=x"), R"({"limit":"x"})");
  EXPECT_EQ(params_of("GET", "/v1/instances", "limit=01"), R"({"limit":"01"})");
  EXPECT_EQ(params_of("GET", "/v1/instances", "limit=-1"), R"({"limit":"-1"})");
  EXPECT_EQ(params_of("GET", "/v1/watch", "include_ctx=1"), R"({"include_ctx":"1"})");
}

TEST(OuterParams, WhatCannotBeIsRefusedByName) {
  EXPECT_EQ(params_of("GET", "/v1/instances", "limit=1&limit=2"), "[limit]");
  EXPECT_EQ(params_of("GET", "/v1/instances", "lmit=1"), "[lmit]");
  EXPECT_EQ(params_of("GET", "/v1/instances", "machine=%ff"), "[machine]");
  EXPECT_EQ(params_of("GET", "/v1/instances", "%ff=1"), "[query]");
  EXPECT_EQ(params_of("GET", "/v1/watch", "kinds=%ff"), "[kinds]");
  EXPECT_EQ(params_of("GET", "/v1/instances/%e2%82", ""), "[instance_id]");
  for (const std::string_view query : {"machine=%", "machine=%1", "machine=%g0", "machine=%0g"})
    EXPECT_EQ(params_of("GET", "/v1/instances", query), "[]") << query;
}

TEST(OuterParams, WhoResumesForgetsWhereItBegan) {
  EXPECT_EQ(params_of("GET", "/v1/watch", "from_offset=1&kinds=create", "7"),
            R"({"after_offset":7,"kinds":["create"]})");
  EXPECT_EQ(params_of("GET", "/v1/watch", "after_offset=1", "7"), R"({"after_offset":7})");
}

TEST(OuterParams, FieldsOfTheHeadAreParametersToo) {
  Request request;
  request.method = "POST";
  request.path = "/v1/instances/i/events";
  request.idempotency_key = "7";
  const auto with_tag = [&request](std::string_view tag) {
    request.if_match = tag;
    std::string out;
    const auto done = write_outer_params(out, find_route("POST", request.path), request, "");
    return done.ok() ? out : std::string(done.error().message());
  };
  const std::string both = R"({"instance_id":"i","idempotency_key":"7","expected_wal_offset":12})";
  EXPECT_EQ(with_tag("\"12\""), both);
  EXPECT_EQ(with_tag("12"), both);
  for (const std::string_view tag : {"", "*", "W/\"12\"", "\"12\", \"13\"", "\"\"", "\"-1\""})
    EXPECT_TRUE(with_tag(tag).starts_with("If-Match takes one strong tag")) << tag;
}

RC_GTEST_PROP(OuterParams, APathSegmentComesBack, (const std::string& any)) {
  std::string id;
  for (const char c : any) id += static_cast<char>(c & 0x7f);
  if (id.empty()) id = "/";
  std::string path = "/v1/instances/";
  append_percent_encoded(path, id);
  std::string expected = R"({"instance_id":)";
  json::append_string(expected, id);
  RC_ASSERT(params_of("GET", path, "") == expected + "}");
}

}  // namespace
}  // namespace rstmdb::http
