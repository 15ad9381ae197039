#include "json/scan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rstmdb::json {
namespace {

std::string merged(std::string_view base, std::string_view patch) {
  std::string out = ">";
  append_merged(out, base, patch);
  return out.substr(1);
}

std::string sorted(std::string_view value) {
  std::string out = ">";
  append_sorted(out, value);
  return out.substr(1);
}

TEST(Scan, TellsTypes) {
  EXPECT_EQ(scan_type("null"), Type::kNull);
  EXPECT_EQ(scan_type("true"), Type::kTrue);
  EXPECT_EQ(scan_type("false"), Type::kFalse);
  EXPECT_EQ(scan_type("-1"), Type::kNumber);
  EXPECT_EQ(scan_type("0"), Type::kNumber);
  EXPECT_EQ(scan_type("\"\""), Type::kString);
  EXPECT_EQ(scan_type("[]"), Type::kArray);
  EXPECT_EQ(scan_type("{}"), Type::kObject);
}

TEST(Scan, FindsMembers) {
  const std::string_view object = R"({"a":1,"b":"x,}\"]","c\n":{"a":2,"d":[1,{"e":"]"}]},"":null,)"
                                  R"("long key over a word":-1.5e3})";
  EXPECT_EQ(scan_member(object, "a"), "1");
  EXPECT_EQ(scan_member(object, "b"), R"("x,}\"]")");
  EXPECT_EQ(scan_member(object, "c\\n"), R"({"a":2,"d":[1,{"e":"]"}]})");
  EXPECT_EQ(scan_member(object, ""), "null");
  EXPECT_EQ(scan_member(object, "long key over a word"), "-1.5e3");
  EXPECT_EQ(scan_member(object, "d"), std::nullopt);
  EXPECT_EQ(scan_member("{}", "a"), std::nullopt);
  EXPECT_EQ(scan_member("[\"a\"]", "a"), std::nullopt);
  EXPECT_EQ(scan_member("\"a\"", "a"), std::nullopt);
}

TEST(Scan, SkipsStringsWhateverTheirLengthAndEscapes) {
  for (size_t length = 0; length < 40; ++length) {
    for (const char* middle : {"", "\\\"", "\\\\", "\\u0000", "\u00e9"}) {
      const std::string content = std::string(length, '}') + middle + std::string(length % 9, ',');
      const std::string object =
          "{\"" + content + "\":\"" + content + "\",\"z\":[\"" + content + "\"]}";
      MemberScan member(object);
      ASSERT_TRUE(member.valid());
      EXPECT_EQ(member.raw_key(), content);
      EXPECT_EQ(member.value(), "\"" + content + "\"");
      member.advance();
      ASSERT_TRUE(member.valid());
      EXPECT_EQ(member.value(), "[\"" + content + "\"]");
      member.advance();
      EXPECT_FALSE(member.valid());
    }
  }
}

TEST(Scan, StaysInsideTextThatIsCutAnywhere) {
  const std::string whole = R"({"a\"b":[1,{"c":"\\"},"]"],"d":{"e":null},"f":-1})";
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const std::string_view text(exact.data(), exact.size());
    size_t members = 0;
    for (MemberScan member(text); member.valid(); member.advance()) ++members;
    EXPECT_LE(members, 3u);
    merged(text, text);
    sorted(text);
    scan_type(text);
  }
}

TEST(Merge, ReplacesInPlaceAndAppendsTheRest) {
  EXPECT_EQ(merged("{}", "{}"), "{}");
  EXPECT_EQ(merged(R"({"a":1})", "{}"), R"({"a":1})");
  EXPECT_EQ(merged("{}", R"({"a":1,"b":2})"), R"({"a":1,"b":2})");
  EXPECT_EQ(merged(R"({"a":1,"b":{"x":1,"y":2},"c":3})", R"({"d":4,"b":{"x":9},"a":null})"),
            R"({"a":null,"b":{"x":9},"c":3,"d":4})");
  EXPECT_EQ(merged(R"({"a":1})", R"({"a":2})"), R"({"a":2})");
  EXPECT_EQ(merged(R"({"a":1,"b":1})", R"({"b":"long enough"})"), R"({"a":1,"b":"long enough"})");
}

std::string numbered(size_t from, size_t to, std::string_view value) {
  std::string object = "{";
  for (size_t i = from; i < to; ++i) {
    if (i > from) object.push_back(',');
    object.append("\"k").append(std::to_string(i)).append("\":").append(value);
  }
  return object + "}";
}

TEST(Merge, IsTheSameForFewAndMany) {
  for (size_t size : {1u, 16u, 31u, 32u, 33u, 34u, 100u}) {
    const std::string base = numbered(0, size, "1");
    EXPECT_EQ(merged(base, numbered(0, size, "2")), numbered(0, size, "2"));
    EXPECT_EQ(merged(base, numbered(size, 2 * size, "1")), numbered(0, 2 * size, "1"));
    const std::string half = merged(base, numbered(size / 2, 2 * size, "2"));
    for (size_t i = 0; i < 2 * size; ++i) {
      ASSERT_EQ(scan_member(half, "k" + std::to_string(i)), i < size / 2 ? "1" : "2");
    }
  }
}

TEST(Merge, OfAHundredThousandMembersIsNotQuadratic) {
  // Pair by pair this would be ten thousand million comparisons: the test would not end.
  const std::string base = numbered(0, 100'000, "1");
  EXPECT_EQ(merged(base, numbered(0, 100'000, "2")), numbered(0, 100'000, "2"));
}

TEST(Sorted, OrdersMembersOfEveryObject) {
  EXPECT_EQ(sorted(R"({"b":1,"a":{"d":[{"z":1,"y":2},[]],"c":0},"":{}})"),
            R"({"":{},"a":{"c":0,"d":[{"y":2,"z":1},[]]},"b":1})");
  EXPECT_EQ(sorted(R"([{"b":1,"a":"}"},"x",2])"), R"([{"a":"}","b":1},"x",2])");
  EXPECT_EQ(sorted(R"({"A":1,"\n":2,"\"":3,"\u0001":4,"é":5,"\\":6})"),
            R"({"\u0001":4,"\n":2,"\"":3,"A":1,"\\":6,"é":5})");
  EXPECT_EQ(sorted("[]"), "[]");
  EXPECT_EQ(sorted("\"a\""), "\"a\"");
  std::string deep = "1";
  for (size_t i = 0; i < limits::kJsonDepthMax; ++i) deep = "{\"b\":" + deep + ",\"a\":1}";
  std::string expected = "1";
  for (size_t i = 0; i < limits::kJsonDepthMax; ++i) {
    expected = std::string("{\"a\":1,\"b\":").append(expected).append("}");
  }
  EXPECT_EQ(sorted(deep), expected);
}

}  // namespace
}  // namespace rstmdb::json
