// The parts that need no server.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "backoff.h"
#include "rstmdb/client.h"
#include "utf8.h"

namespace rstmdb::client {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToTheMaximum) {
  const ReconnectOptions options{.initial_delay = 50ms, .max_delay = 1s, .jitter = 0.5};
  EXPECT_EQ(backoff_delay(options, 1, 0), 50ms);
  EXPECT_EQ(backoff_delay(options, 2, 0), 100ms);
  EXPECT_EQ(backoff_delay(options, 5, 0), 800ms);
  EXPECT_EQ(backoff_delay(options, 6, 0), 1s);
  EXPECT_EQ(backoff_delay(options, 4'000'000'000u, 0), 1s);
}

RC_GTEST_PROP(Backoff, JitterTakesAwayAtMostItsPart, (uint8_t failures, uint16_t part)) {
  const ReconnectOptions options{.initial_delay = 64ms, .max_delay = 4s, .jitter = 0.25};
  const auto whole = backoff_delay(options, failures, 0);
  const auto some = backoff_delay(options, failures, part / 65536.0);
  RC_ASSERT(some <= whole);
  RC_ASSERT(some.count() >= whole.count() * 3 / 4 - 1);
}

TEST(Utf8, AcceptsExactlyTheValidForms) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff", "\xf0\x90\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
    EXPECT_TRUE(is_utf8(repair_utf8(bad)));
  }
}

TEST(IdempotencyKey, IsAFreshUuidOfVersion4) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = make_idempotency_key();
    ASSERT_EQ(key.size(), 36u);
    EXPECT_EQ(key[14], '4');
    EXPECT_NE(std::string("89ab").find(key[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(key).second);
  }
}

TEST(JsonView, FindsPlacesAndKeepsNumbersExact) {
  const Json json = Json::parse(R"({"a":{"b":[10,{"c":"\u00e9\n"}]},"big":18446744073709551615,)"
                                R"("odd":9007199254740993,"d":0.10,"t":true,"n":null})")
                        .value();
  EXPECT_EQ(json.at("a.b[1].c").string(), "\xc3\xa9\n");
  EXPECT_EQ(json.at("a.b[0]").as_int64(), 10);
  EXPECT_EQ(json["big"].as_uint64(), 18446744073709551615u);
  EXPECT_FALSE(json["big"].as_int64().has_value());
  EXPECT_EQ(json["odd"].number_text(), "9007199254740993");
  EXPECT_EQ(json["d"].number_text(), "0.10");
  EXPECT_EQ(json["d"].as_double(), 0.1);
  EXPECT_EQ(json["t"].as_bool(), true);
  EXPECT_TRUE(json["n"].is_null());
  EXPECT_EQ(json.members().size(), 6u);
  EXPECT_EQ(json.at("a.b").elements().size(), 2u);
}

TEST(JsonView, WhatIsNotThereIsAbsentAndStaysSo) {
  const Json json = Json::parse(R"({"a":[1]})").value();
  for (const char* path : {"b", "a.b", "a[1]", "a[x]", "a[0", "b.c[3].d", "a[0].x"}) {
    EXPECT_FALSE(json.at(path).present()) << path;
  }
  EXPECT_EQ(Json().type(), Json::Type::kAbsent);
  EXPECT_EQ(Json()["x"].element(3).at("y").text(), "");
}

TEST(JsonView, OutlivesTheTextItWasParsedFrom) {
  Json inner;
  {
    std::string text = R"({"a":{"b":"value"}})";
    inner = Json::parse(text).value()["a"];
    text.assign(text.size(), '!');
  }
  EXPECT_EQ(inner["b"].string(), "value");
}

TEST(JsonView, RefusesWithTheirPlaceTextsThatAreNoJson) {
  const auto bad = Json::parse("{\n \"a\": tru }");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(bad.error().detail("line"), "2");
  EXPECT_NE(bad.error().detail("column"), "");
}

TEST(JsonQuote, GivesJsonForAnyBytes) {
  EXPECT_EQ(json_quote("a\"\n"), R"("a\"\n")");
  EXPECT_TRUE(Json::parse(json_quote(std::string("\xff\0x", 3))).ok());
}

TEST(ErrorValue, NamesEveryKindAndCode) {
  EXPECT_EQ(Error("CONFLICT", "m", "").to_string(), "CONFLICT: m");
  EXPECT_EQ(Error(ErrorKind::kTimeout, "m").to_string(), "timeout: m");
  EXPECT_EQ(code_name(ErrorCode::kWalIoError), "WAL_IO_ERROR");
  EXPECT_THROW(throw_error(Error(ErrorKind::kConnection, "")), ConnectionError);
  EXPECT_THROW(throw_error(Error(ErrorKind::kTimeout, "")), TimeoutError);
  EXPECT_THROW(throw_error(Error(ErrorKind::kCancelled, "")), CancelledError);
  EXPECT_THROW(throw_error(Error(ErrorKind::kProtocol, "")), ProtocolError);
  EXPECT_THROW(throw_error(Error(ErrorKind::kArgument, "")), ArgumentError);
}

TEST(Connect, OptionsThatCannotWorkAreRefusedAtOnce) {
  EXPECT_EQ(Client::connect({.host = ""}).error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(Client::connect({.port = 0}).error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(Client::connect({.pool_size = 0}).error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(Client::connect({.request_timeout = 0ms}).error().kind(), ErrorKind::kArgument);
  EXPECT_EQ(Client::connect({.reconnect = {.jitter = 2}}).error().kind(), ErrorKind::kArgument);
}

TEST(Connect, AHostThatIsNoneSaysSo) {
  const auto none = Client::connect({.host = "no-such-host.invalid"});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind(), ErrorKind::kConnection);
  EXPECT_EQ(none.error().detail("reason"), "resolve");
}

}  // namespace
}  // namespace rstmdb::client
