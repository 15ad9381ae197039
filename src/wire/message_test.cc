#include "wire/message.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"

namespace rstmdb::wire {
namespace {

TEST(Message, ReadsARequestAndIgnoresUnknownMembers) {
  json::Document message;
  ASSERT_TRUE(
      message.parse(R"({"type":"request","id":"7","op":"PING","params":{"a":1},"x":[]})").ok());
  const auto request = read_request(message.root());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->id, "7");
  EXPECT_EQ(request->op, "PING");
  EXPECT_EQ(request->params.text(), R"({"a":1})");
}

TEST(Message, MissingAndNullParamsAreAbsent) {
  for (const char* text : {R"({"type":"request","id":"7","op":"PING"})",
                           R"({"type":"request","id":"7","op":"PING","params":null})"}) {
    json::Document message;
    ASSERT_TRUE(message.parse(text).ok());
    const auto request = read_request(message.root());
    ASSERT_TRUE(request.ok());
    EXPECT_FALSE(request->params.present());
  }
}

TEST(Message, EveryRefusalNamesItsField) {
  const std::string long_id(257, 'i');
  const std::pair<std::string, std::string> cases[] = {
      {"[]", ""},
      {"7", ""},
      {R"({"id":"1","op":"PING"})", "type"},
      {R"({"type":"Request","id":"1","op":"PING"})", "type"},
      {R"({"type":"response","id":"1","op":"PING"})", "type"},
      {R"({"type":"request","op":"PING"})", "id"},
      {R"({"type":"request","id":1,"op":"PING"})", "id"},
      {R"({"type":"request","id":"","op":"PING"})", "id"},
      {R"({"type":"request","id":")" + long_id + R"(","op":"PING"})", "id"},
      {R"({"type":"request","id":"1"})", "op"},
      {R"({"type":"request","id":"1","op":[]})", "op"},
      {R"({"type":"request","id":"1","op":"PING","params":[]})", "params"},
      {R"({"type":"request","id":"1","op":"PING","params":"x"})", "params"},
      {R"({"type":"request","id":"1","op":"PING","params":3})", "params"},
  };
  for (const auto& [text, path] : cases) {
    json::Document message;
    ASSERT_TRUE(message.parse(text).ok()) << text;
    const auto request = read_request(message.root());
    ASSERT_FALSE(request.ok()) << text;
    EXPECT_EQ(request.error().code(), Code::kBadRequest);
    EXPECT_EQ(request.error().detail("path"), path) << text;
  }
}

TEST(Message, IdOfABadRequestIsReadWhereItCanBe) {
  json::Document message;
  ASSERT_TRUE(message.parse(R"({"id":"seven","op":7})").ok());
  EXPECT_EQ(readable_id(message.root()), "seven");
  ASSERT_TRUE(message.parse(R"({"id":7})").ok());
  EXPECT_EQ(readable_id(message.root()), "");
  ASSERT_TRUE(message.parse("[]").ok());
  EXPECT_EQ(readable_id(message.root()), "");
}

TEST(Message, WritesASuccess) {
  std::string out;
  ResponseWriter response(out, Dialect::kJsonl);
  response.open("a\"b").member("pong", true);
  response.close();
  EXPECT_EQ(out, R"({"type":"response","id":"a\"b","status":"ok","result":{"pong":true}})"
                 "\n");
}

TEST(Message, WritesAnErrorWithDetailsAndWithout) {
  std::string out;
  ResponseWriter(out, Dialect::kJsonl)
      .error("1", Error(Code::kConflict, "changed").with("expected_state", "a").with("n", 7));
  EXPECT_EQ(out, R"({"type":"response","id":"1","status":"error","error":{"code":"CONFLICT",)"
                 R"("message":"changed","retryable":false,)"
                 R"("details":{"expected_state":"a","n":7}}})"
                 "\n");
  out.clear();
  ResponseWriter(out, Dialect::kJsonl).error("", Error(Code::kRateLimited, "full"));
  EXPECT_EQ(out, R"({"type":"response","id":"","status":"error","error":{"code":"RATE_LIMITED",)"
                 R"("message":"full","retryable":true}})"
                 "\n");
}

TEST(Message, ANotificationIsWhatAllShareAndThenWhatIsItsOwn) {
  std::string shared;
  begin_event(shared);
  shared.append(R"(,"wal_offset":7)");
  const SharedEvent event{shared, crc32c(shared)};
  std::string lines = "before\n";
  append_event(lines, Dialect::kJsonl, event, "", "0123456789abcdef");
  append_event(lines, Dialect::kJsonl, event, "transition", "0123456789abcdef");
  EXPECT_EQ(lines,
            "before\n"
            R"({"type":"event","wal_offset":7,"subscription_id":"0123456789abcdef"})"
            "\n"
            R"({"type":"event","wal_offset":7,"kind":"transition",)"
            R"("subscription_id":"0123456789abcdef"})"
            "\n");
  for (const Dialect dialect : {Dialect::kRcpx, Dialect::kRcp1}) {
    std::string whole;
    const size_t start = begin_frame(whole, dialect);
    whole.append(R"({"type":"event","wal_offset":7,"kind":"delete","subscription_id":"s"})");
    end_frame(whole, dialect, start);
    std::string joined = "before";
    append_event(joined, dialect, event, "delete", "s");
    EXPECT_EQ(joined, "before" + whole);
    std::string both = whole;
    for (int i = 0; i < 10; ++i) {
      append_event(both, dialect, event, "delete", "s");
      ASSERT_EQ(both.size(), whole.size() * static_cast<size_t>(i + 2)) << "as it grows";
    }
    EXPECT_LE(joined.size(), 6 + shared.size() + kEventOwnBytesMax);
  }
}

TEST(Message, DiscardLeavesNothingBehind) {
  std::string out = "before";
  ResponseWriter response(out, Dialect::kRcpx);
  response.open("1").member("big", "text");
  response.discard();
  EXPECT_EQ(out, "before");
}

}  // namespace
}  // namespace rstmdb::wire
