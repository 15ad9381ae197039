#include "json/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace rstmdb::json {
namespace {

std::string normal(std::string_view text) {
  Document document;
  const auto parsed = document.parse(text);
  return parsed.ok() ? std::string(document.text()) : parsed.error().to_string();
}

TEST(Document, WritesTheNormalForm) {
  EXPECT_EQ(
      normal(" { \"a\" : [ 1 , 2.50 , true , false , null ] ,\r\n\t\"b\\u0041\" : \"\\/\\n\" } "),
      R"({"a":[1,2.50,true,false,null],"bA":"/\n"})");
  EXPECT_EQ(normal("\"\\u0001\\u001F\\u0000\\b\\f\\r\\t\\\\\\\"\""),
            "\"\\u0001\\u001f\\u0000\\b\\f\\r\\t\\\\\\\"\"");
  EXPECT_EQ(normal("\"\\u00e9\\u20AC\\ud83d\\ude00\x7f\""), "\"\u00e9\u20ac\U0001F600\x7f\"");
  for (const char* same : {"{}", "[]", "\"\"", "0", "null", "{\"\":{\"\":[]}}", "[[],{},\"\"]"}) {
    EXPECT_EQ(normal(same), same);
  }
}

TEST(Document, NumbersKeepTheirText) {
  for (const std::string number :
       {"-0", "0.1", "1e400", "-1E-400", "9007199254740991", "9007199254740992", "9007199254740993",
        "18446744073709551615", "18446744073709551616", "1.0", "1E+2", "0e0", "-0.0e-0",
        "1e2147483647", "1e000000000000000000001"}) {
    EXPECT_EQ(normal(number), number);
    EXPECT_EQ(normal("[" + number + "," + number + " ]"), "[" + number + "," + number + "]");
  }
  const std::string digits(10'000, '7');
  EXPECT_EQ(normal(digits), digits);
  EXPECT_EQ(normal("-0." + digits + "e-5"), "-0." + digits + "e-5");
}

TEST(Document, LastOfEqualKeysWinsAtThePlaceOfTheFirst) {
  EXPECT_EQ(normal(R"({"a":1,"b":2,"a":{"x":1,"y":[{"k":0,"k":1}],"x":2}})"),
            R"({"a":{"x":2,"y":[{"k":1}]},"b":2})");
  EXPECT_EQ(normal(R"({"a":1,"\u0061":[2,3],"":0,"b":{},"":"z","a":3})"),
            R"({"a":3,"":"z","b":{}})");
  EXPECT_EQ(normal(R"([{"a":{"a":1,"a":2},"a":{"b":[1],"b":[2,{"c":1,"c":"\n"}]}},1])"),
            R"([{"a":{"b":[2,{"c":"\n"}]}},1])");

  Document document;
  ASSERT_TRUE(
      document.parse(R"({"k\n":1,"x":"\t","k\n":{"deep":"\"","deep":[1,"\\"]},"x":"\r"})").ok());
  EXPECT_EQ(document.root().size(), 2u);
  EXPECT_EQ(document.root()["k\n"]["deep"].first().next().string(), "\\");
  EXPECT_EQ(document.root()["x"].string(), "\r");
  EXPECT_FALSE(document.root()["x"].next());
}

TEST(Document, GivesItsValues) {
  Document document;
  EXPECT_FALSE(document.root());
  ASSERT_TRUE(document
                  .parse(R"({"id":"a\"b","n":-1.50,"t":true,"f":false,"z":null,)"
                         R"("list":[1,"x",[],{"k":"v"}],"\u00e9\n":{}})")
                  .ok());
  const Value root = document.root();
  EXPECT_EQ(root.type(), Type::kObject);
  EXPECT_EQ(root.size(), 7u);
  EXPECT_EQ(root["id"].string(), "a\"b");
  EXPECT_EQ(root["id"].text(), R"("a\"b")");
  EXPECT_EQ(root["n"].text(), "-1.50");
  EXPECT_TRUE(root["t"].boolean() && root["t"].is_bool());
  EXPECT_FALSE(root["f"].boolean());
  EXPECT_TRUE(root["z"].is_null());
  EXPECT_FALSE(root["none"].present() || root["none"].is_null());
  EXPECT_FALSE(root["none"]["deeper"].present());
  EXPECT_FALSE(root["list"]["k"].present());
  EXPECT_EQ(root["list"].size(), 4u);
  EXPECT_EQ(root["list"].text(), R"([1,"x",[],{"k":"v"}])");
  std::vector<std::string> keys;
  for (Value member = root.first(); member; member = member.next()) {
    keys.emplace_back(member.key());
  }
  EXPECT_THAT(keys, testing::ElementsAre("id", "n", "t", "f", "z", "list", "\u00e9\n"));
  std::vector<std::string_view> elements;
  for (Value e = root["list"].first(); e; e = e.next()) {
    elements.push_back(e.text());
    EXPECT_EQ(e.key(), "");
  }
  EXPECT_THAT(elements, testing::ElementsAre("1", "\"x\"", "[]", R"({"k":"v"})"));
  EXPECT_FALSE(root.next());
  EXPECT_FALSE(root["list"].first().next().next().first());
}

TEST(Document, IsUsedAgainAndMoved) {
  Document document;
  ASSERT_TRUE(document.parse(R"({"a":"\n long enough to be on the heap","a":"\t"})").ok());
  ASSERT_TRUE(document.parse("[\"\\n\"]").ok());
  EXPECT_EQ(document.text(), "[\"\\n\"]");
  Document other(std::move(document));
  EXPECT_EQ(other.root().first().string(), "\n");
  EXPECT_FALSE(other.parse("[").ok());
  EXPECT_FALSE(other.root());
  EXPECT_EQ(other.text(), "");
  ASSERT_TRUE(document.parse("1").ok());  // NOLINT: a document may be used after being moved from
  EXPECT_EQ(document.text(), "1");
}

struct Refusal {
  std::string text;
  int64_t byte;
  std::string reason;
};

void expect_refused(const Refusal& refusal) {
  Document document;
  const auto parsed = document.parse(refusal.text);
  ASSERT_FALSE(parsed.ok()) << refusal.text;
  EXPECT_EQ(parsed.error().code(), Code::kBadRequest);
  EXPECT_EQ(parsed.error().detail("reason"), refusal.reason) << refusal.text;
  EXPECT_EQ(parsed.error().detail_number("byte", -1), refusal.byte) << refusal.text;
  EXPECT_FALSE(document.root());
}

TEST(Document, RefusesWhatIsNoJson) {
  const Refusal refusals[] = {
      {"", 0, "incomplete"},
      {" \n", 2, "incomplete"},
      {"[", 1, "incomplete"},
      {"{\"a\":", 5, "incomplete"},
      {"\"abc", 4, "incomplete"},
      {"\"abc\\", 5, "incomplete"},
      {"tru", 3, "incomplete"},
      {"-", 1, "incomplete"},
      {"1.", 2, "incomplete"},
      {"1e", 2, "incomplete"},
      {"1e+", 3, "incomplete"},
      {"[1,]", 3, "syntax"},
      {"{\"a\":1,}", 7, "syntax"},
      {"{,}", 1, "syntax"},
      {"{\"a\" 1}", 5, "syntax"},
      {"{a:1}", 1, "syntax"},
      {"{'a':1}", 1, "syntax"},
      {"[1 2]", 3, "syntax"},
      {"[1}", 2, "syntax"},
      {"NaN", 0, "syntax"},
      {"Infinity", 0, "syntax"},
      {"-Infinity", 1, "syntax"},
      {"[+1]", 1, "syntax"},
      {"[.5]", 1, "syntax"},
      {"[01]", 2, "syntax"},
      {"[-01]", 3, "syntax"},
      {"0x10", 1, "trailing"},
      {"TRUE", 0, "syntax"},
      {"/* c */1", 0, "syntax"},
      {"1 // c", 2, "trailing"},
      {"[1] x", 4, "trailing"},
      {"{}{}", 2, "trailing"},
      {"1\n2", 2, "trailing"},
      {"\xef\xbb\xbf{}", 0, "syntax"},
      {"[\xff]", 1, "syntax"},
      {std::string("\0", 1), 0, "syntax"},
      {std::string("1\0", 2), 1, "trailing"},
      {std::string("\"a\0b\"", 5), 2, "syntax"},
      {"\"a\nb\"", 2, "syntax"},
      {"\"\\x\"", 2, "syntax"},
      {"\"\\u12g4\"", 5, "syntax"},
      {"\"\xff\"", 1, "utf8"},
      {"\"\xc0\x80\"", 1, "utf8"},
      {"\"\xe0\x80\x80\"", 1, "utf8"},
      {"\"\xed\xa0\x80\"", 1, "utf8"},
      {"\"\xf4\x90\x80\x80\"", 1, "utf8"},
      {"\"\xf0\x90\"", 1, "utf8"},
      {"{\"\x80\":1}", 2, "utf8"},
      {"\"ok\xc3", 4, "incomplete"},
      {"\"ok\xc3\xa9"
       "a",
       6, "incomplete"},
      {"\"\\udc00\"", 7, "utf8"},
      {"\"\\ud800\"", 7, "utf8"},
      {"\"\\uDBFFx\"", 7, "utf8"},
      {"\"\\ud800\\n\"", 8, "utf8"},
      {"\"\\ud800\\u0041\"", 9, "utf8"},
      {"{\"\\ud800\\ud800\":1}", 10, "utf8"},
      {"1e99999999999", 11, "number"},
  };
  for (const Refusal& refusal : refusals) expect_refused(refusal);
}

TEST(Document, NamesLineAndColumn) {
  Document document;
  const auto parsed = document.parse("{\n  \"a\": 1,\n  \"b\": oops\n}");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().detail_number("line", 0), 3);
  EXPECT_EQ(parsed.error().detail_number("column", 0), 8);
  EXPECT_EQ(parsed.error().detail_number("byte", 0), 19);
  EXPECT_EQ(parsed.error().message(), "not JSON at line 3, column 8: unexpected 'o'");
}

std::string repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text.append(part);
  return text;
}

TEST(Document, NestsToTheLimitAndNoDeeper) {
  for (size_t depth : {1u, 63u, 64u}) {
    EXPECT_EQ(normal(repeated("[", depth) + repeated("]", depth)).size(), 2 * depth);
    const std::string objects = repeated("{\"a\":", depth) + "1" + repeated("}", depth);
    EXPECT_EQ(normal(objects), objects);
  }
  for (size_t depth : {65u, 128u, 1'000'000u}) {
    expect_refused({repeated("[", depth), 64, "depth"});
    expect_refused({repeated("{\"a\":", depth), 64 * 5, "depth"});
  }
  Document document;
  EXPECT_TRUE(document.parse("[[1]]", {.depth = 2}).ok());
  EXPECT_EQ(document.parse("[[[1]]]", {.depth = 2}).error().detail("reason"), "depth");
  // What the server itself has written may be deeper, up to a bound of its own.
  const size_t most = limits::kJsonAnswerDepthMax;
  EXPECT_TRUE(document.parse(repeated("[", most) + repeated("]", most), {.depth = 1000}).ok());
  EXPECT_EQ(document.parse(repeated("[", most + 1) + repeated("]", most + 1), {.depth = 1000})
                .error()
                .detail("reason"),
            "depth");
}

std::string object_of(size_t members, size_t different) {
  std::string text = "{";
  for (size_t i = 0; i < members; ++i) {
    text += (i > 0 ? ",\"k" : "\"k") + std::to_string(i % different) + "\":" + std::to_string(i);
  }
  return text + "}";
}

TEST(Document, CountsMembersOfEachObject) {
  Document document;
  EXPECT_TRUE(document.parse(object_of(limits::kJsonMembersMax, limits::kJsonMembersMax)).ok());
  EXPECT_EQ(document.root().size(), limits::kJsonMembersMax);
  const auto above =
      document.parse(object_of(limits::kJsonMembersMax + 1, limits::kJsonMembersMax + 1));
  ASSERT_FALSE(above.ok());
  EXPECT_EQ(above.error().detail("reason"), "members");
  EXPECT_EQ(document.parse(object_of(1'000'000, 1)).error().detail("reason"), "members");
  EXPECT_TRUE(document.parse("[{\"a\":1},{\"a\":1,\"b\":2}]", {.members = 2}).ok());
  EXPECT_FALSE(document.parse("{\"a\":1,\"b\":2,\"c\":3}", {.members = 2}).ok());
}

TEST(Document, FindsRepeatsAmongFewAndMany) {
  for (size_t different : {1u, 2u, 23u, 24u, 25u, 26u, 1000u, 50'000u}) {
    Document document;
    ASSERT_TRUE(document.parse(object_of(different * 2 - 1, different)).ok());
    ASSERT_EQ(document.root().size(), different);
    size_t i = 0;
    for (Value member = document.root().first(); member; member = member.next(), ++i) {
      ASSERT_EQ(member.key(), "k" + std::to_string(i));
      ASSERT_EQ(member.text(), std::to_string(i + 1 < different ? i + different : i));
    }
  }
}

TEST(Document, DropsRepeatsAtWhateverDepthItTakes) {
  const size_t most = limits::kJsonAnswerDepthMax;
  const std::string inside = repeated("{\"a\":", most - 1) + "1" + repeated("}", most - 1);
  Document document;
  ASSERT_TRUE(document.parse("{\"x\":0,\"x\":" + inside + ",\"y\":2}", {.depth = most}).ok());
  EXPECT_EQ(document.text(), "{\"x\":" + inside + ",\"y\":2}");
}

/// Few members are compared by a word made of size, first and last eight bytes of each key. These
/// two keys have the same one: in it, the bit by which the ends differ meets the one of the
/// beginnings.
TEST(Document, TellsKeysApartThatLookAlikeAtFirst) {
  const std::string one = "aaaaaaaabbbbbbbb";
  const std::string two = "aaaAaaaacbbbbbbb";
  Document document;
  ASSERT_TRUE(document.parse("{\"" + one + "\":1,\"" + two + "\":2,\"" + one + "\":3}").ok());
  EXPECT_EQ(document.root().size(), 2u);
  EXPECT_EQ(document.root()[one].text(), "3");
  EXPECT_EQ(document.root()[two].text(), "2");
}

TEST(Document, TakesLongKeysAndStrings) {
  const std::string mebibyte(1024 * 1024, 'k');
  Document document;
  ASSERT_TRUE(
      document.parse("{\"" + mebibyte + "\":\"" + repeated(mebibyte, 16) + "\\u00e9\"}").ok());
  EXPECT_EQ(document.root().first().key(), mebibyte);
  EXPECT_EQ(document.root()[mebibyte].string().size(), 16 * mebibyte.size() + 2);
  const std::string escapes = "\"" + repeated("\\u0000\\n\\ud83d\\ude00", 5000) + "\"";
  ASSERT_TRUE(document.parse(escapes).ok());
  EXPECT_EQ(document.root().string(), repeated(std::string_view("\0\n\xf0\x9f\x98\x80", 6), 5000));
}

TEST(Document, RefusesAnOversizedTextUnread) {
  Document document;
  const char byte = '1';
  const auto parsed = document.parse(std::string_view(&byte, size_t{1} << 32));
  EXPECT_EQ(parsed.error().detail("reason"), "size");
}

TEST(Type, HasANameForMessages) {
  EXPECT_EQ(type_name(Type::kTrue), "boolean");
  EXPECT_EQ(type_name(Type::kFalse), "boolean");
  EXPECT_EQ(type_name(Type::kObject), "object");
}

}  // namespace
}  // namespace rstmdb::json
