#include "json/writer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <string>

#include "json/document.h"

namespace rstmdb::json {
namespace {

TEST(Writer, PutsCommasWhereTheyBelong) {
  std::string out;
  Writer(out)
      .open_object()
      .member("id", "x\"y")
      .key("list")
      .open_array()
      .value(1)
      .open_object()
      .close_object()
      .open_array()
      .close_array()
      .null()
      .close_array()
      .member("raw", RawJson{"{\"a\":1}"})
      .member("flag", true)
      .key("empty")
      .open_object()
      .close_object()
      .member("last", false)
      .close_object();
  EXPECT_EQ(out, R"({"id":"x\"y","list":[1,{},[],null],"raw":{"a":1},"flag":true,"empty":{},)"
                 R"("last":false})");
}

TEST(Writer, WritesEveryKindOfNumber) {
  std::string out;
  Writer(out)
      .open_array()
      .value(std::numeric_limits<uint64_t>::max())
      .value(std::numeric_limits<int64_t>::min())
      .value(uint32_t{4'294'967'295})
      .value(-1)
      .value(uint64_t{0})
      .close_array();
  EXPECT_EQ(out, "[18446744073709551615,-9223372036854775808,4294967295,-1,0]");
}

TEST(Writer, EscapesEveryByteThatNeedsItAndNoOther) {
  for (int byte = 0; byte < 0x80; ++byte) {
    std::string out;
    const std::string text = {'a', static_cast<char>(byte), 'z'};
    append_string(out, text);
    Document document;
    ASSERT_TRUE(document.parse(out).ok()) << out;
    EXPECT_EQ(document.root().string(), text);
    EXPECT_EQ(document.text(), out);
    const bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
    EXPECT_EQ(out.size() > text.size() + 2, escaped) << byte;
  }
  std::string out;
  append_string(out, std::string_view("\0\x1f\xc3\xa9", 4));
  EXPECT_EQ(out, "\"\\u0000\\u001f\xc3\xa9\"");
}

TEST(Writer, StringsComeBack) {
  rc::check("parse(append_string(s)) is s", [](const std::string& bytes) {
    std::string text;
    for (const char c : bytes) text.push_back(static_cast<char>(c & 0x7f));
    std::string out;
    append_string(out, text);
    Document document;
    RC_ASSERT(document.parse(out).ok());
    RC_ASSERT(document.root().string() == text);
    RC_ASSERT(document.text() == out);
  });
}

}  // namespace
}  // namespace rstmdb::json
