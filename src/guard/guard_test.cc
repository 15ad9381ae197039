#include "guard/guard.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <sstream>
#include <string>

#include "guard/compare.h"
#include "json/document.h"
#include "json/writer.h"

namespace rstmdb::guard {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void check_refusal(const std::string& name, const Result<Guard>& guard, json::Value expected) {
  ASSERT_FALSE(guard.ok()) << name;
  const Error& error = guard.error();
  EXPECT_EQ(error.code(), Code::kBadRequest) << name;
  EXPECT_EQ(std::to_string(error.detail_number("column", 0)), expected["column"].text()) << name;
  EXPECT_EQ(error.detail("reason"), expected["reason"].string()) << name;
  const std::string place = "at column " + std::to_string(error.detail_number("column", 0)) + ": ";
  EXPECT_NE(error.message().find(place), std::string::npos) << name;
  std::string quoted;
  json::append_string(quoted, error.message());
  EXPECT_TRUE(json::Document().parse(quoted).ok()) << name << ": " << error.message();
}

TEST(Guard, VectorsHold) {
  const std::string text = file_text(RSTMDB_SOURCE_DIR "/protocol/vectors/guards.json");
  json::Document vectors;
  const auto parsed = vectors.parse(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().to_string();
  size_t good = 0;
  size_t bad = 0;
  for (json::Value row = vectors.root()["guards"].first(); row; row = row.next()) {
    const std::string name(row["name"].string());
    const Result<Guard> guard = Guard::compile(row["guard"].string());
    if (row["error"]) {
      ++bad;
      check_refusal(name, guard, row["error"]);
      continue;
    }
    ++good;
    ASSERT_TRUE(guard.ok()) << name << ": " << guard.error().to_string();
    ASSERT_TRUE(row["context"].is_object() && row["result"].is_bool()) << name;
    EXPECT_EQ(guard->holds(row["context"].text()), row["result"].boolean()) << name;
    EXPECT_EQ(guard->text(), row["guard"].string()) << name;
  }
  EXPECT_GE(good, 100u);
  EXPECT_GE(bad, 60u);
}

// What a JSON file cannot hold: bytes that are no UTF-8.
TEST(Guard, RefusesBytesThatAreNoUtf8) {
  struct Row {
    std::string text;
    int64_t column;
    std::string reason;
  };
  for (const Row& row : {Row{"ctx.\xff", 5, "utf8"}, Row{"ctx.ab\xc3", 7, "utf8"},
                         Row{"ctx.a\xc0\x80 == 1", 6, "utf8"}, Row{"x\xff", 2, "utf8"},
                         Row{"\"a\xff\"", 3, "string"}, Row{"true \xff", 6, "operator"}}) {
    const auto guard = Guard::compile(row.text);
    ASSERT_FALSE(guard.ok()) << row.text;
    EXPECT_EQ(guard.error().detail("reason"), row.reason) << row.text;
    EXPECT_EQ(guard.error().detail_number("column", 0), row.column) << row.text;
  }
}

TEST(Guard, RefusesAMillionOfAnythingAtOnce) {
  for (const char c : {'!', '(', ')', '"', '-', '.', '0', 'a', ' ', '\0', '\xff'}) {
    const auto guard = Guard::compile(std::string(1'000'000, c));
    ASSERT_FALSE(guard.ok());
    EXPECT_EQ(guard.error().detail("reason"), "length");
  }
}

TEST(Guard, SaysWhatToWriteInstead) {
  EXPECT_EQ(Guard::compile("ctx.a = 1").error().message(),
            "the guard cannot be read at column 7: equality is written ==");
  EXPECT_EQ(Guard::compile("ctx.a and ctx.b").error().message(),
            "the guard cannot be read at column 7: expected an operator, not 'and'");
  EXPECT_EQ(
      Guard::compile("amount > 1").error().message(),
      "the guard cannot be read at column 1: there is no 'amount'; members of the context are "
      "written ctx.name");
  EXPECT_EQ(Guard::compile("(true").error().message(),
            "the guard cannot be read at column 6: the '(' of column 1 is never closed");
}

TEST(Guard, ShowsWhatStandsInTheWrongPlaceAsFarAsItCan) {
  const std::string name(60, 'n');
  EXPECT_EQ(Guard::compile("ctx.a " + name).error().message(),
            "the guard cannot be read at column 7: expected an operator, not '" +
                name.substr(0, 40) + "'");
  const std::string cut = std::string(39, 'n') + "\u00e9";  // its last character ends at 41
  EXPECT_EQ(Guard::compile("ctx.a " + cut + "n").error().message(),
            "the guard cannot be read at column 7: expected an operator, not '" + cut + "'");
  for (const char c : {'\x01', '\x1f', '\x7f'})
    EXPECT_NE(Guard::compile(std::string("ctx.a ") + c)
                  .error()
                  .message()
                  .find("a character that cannot stand here"),
              std::string::npos);
}

TEST(Guard, CopiesMeanTheSame) {
  auto guard = Guard::compile("ctx.name == \"a\\nb\" && ctx.n >= 1.50");
  ASSERT_TRUE(guard.ok());
  const Guard copy = *guard;
  const Guard moved = std::move(*guard);
  for (const Guard& each : {copy, moved}) {
    EXPECT_TRUE(each.holds(R"({"name":"a\nb","n":1.5})"));
    EXPECT_FALSE(each.holds(R"({"name":"a\nb","n":1.4})"));
  }
}

TEST(Guard, SaysWhatItCostsAndStopsWhereThatIsTooMuch) {
  struct Row {
    std::string guard;
    std::string context;
    uint64_t steps;
    uint64_t read;  // bytes in which members are looked for
  };
  const std::string context = R"({"a":{"b":1},"c":true})";  // 22 bytes, of which 7 are a's
  for (const Row& row :
       {Row{"true", context, 1, 0}, Row{"ctx", context, 1, 0}, Row{"ctx.c", context, 1, 22},
        Row{"ctx.a.b == 1", context, 3, 22 + 7}, Row{"ctx.x.y", context, 1, 22},
        Row{"ctx.c || ctx.a", context, 2, 22}, Row{"!ctx.x && ctx.c", context, 5, 22 + 22}}) {
    const auto guard = Guard::compile(row.guard);
    ASSERT_TRUE(guard.ok()) << row.guard;
    const uint64_t cost = row.steps * Guard::kStepWork + row.read;
    uint64_t work = cost + 5;
    EXPECT_EQ(guard->holds(row.context, work), guard->holds(row.context)) << row.guard;
    EXPECT_EQ(work, 5u) << row.guard;
    work = cost;
    EXPECT_TRUE(guard->holds(row.context, work).has_value()) << row.guard;
    for (uint64_t less = 0; less < cost; ++less) {
      work = less;
      EXPECT_FALSE(guard->holds(row.context, work).has_value()) << row.guard << " with " << less;
      EXPECT_EQ(work, 0u);
    }
  }
}

TEST(Compare, NumbersAgreeWithDoublesWhereDoublesAreExact) {
  rc::check("order of numbers", [](int32_t a, int32_t b) {
    const std::string x = std::to_string(a);
    const std::string y = std::to_string(b);
    RC_ASSERT((compare_numbers(x, y) == (a <=> b)));
    RC_ASSERT((compare_numbers(x + ".0", y) == (a <=> b)));
    RC_ASSERT((compare_numbers(x, y + "e0") == (a <=> b)));
    RC_ASSERT((compare_numbers(x, y + "e1") == (int64_t{a} <=> int64_t{b} * 10)));
  });
}

TEST(Compare, StringsAgreeWithTheirPlainBytes) {
  rc::check("order of strings", [](const std::string& a, const std::string& b) {
    std::string plain[2] = {a, b};
    std::string quoted[2];
    for (int i = 0; i < 2; ++i) {
      for (char& c : plain[i]) c &= 0x7f;
      json::append_string(quoted[i], plain[i]);
    }
    RC_ASSERT((compare_strings(quoted[0], quoted[1]) == (plain[0].compare(plain[1]) <=> 0)));
    RC_ASSERT(std::is_eq(compare_strings(quoted[0], quoted[0])));
  });
}

// A guard is written at random together with its result, worked out beside it.
struct Sample {
  std::string text;
  bool result;
};

Sample random_guard(uint64_t& dice, int depth) {
  dice = dice * 6364136223846793005u + 1442695040888963407u;
  const uint64_t roll = dice >> 33;
  const auto number = [](uint64_t n) { return std::to_string(n % 3); };
  if (depth == 0 || roll % 8 == 0) return {"ctx.n" + number(roll >> 4), (roll >> 4) % 3 != 0};
  if (roll % 8 == 1) {
    const uint64_t a = (roll >> 4) % 3;
    const uint64_t b = (roll >> 8) % 3;
    return {"ctx.n" + number(a) + " <= " + number(b), a <= b};
  }
  const Sample left = random_guard(dice, depth - 1);
  if (roll % 8 == 2) return {"!(" + left.text + ")", !left.result};
  const Sample right = random_guard(dice, depth - 1);
  const std::string a = "(" + left.text + ")";
  const std::string b = "(" + right.text + ")";
  if (roll % 8 < 5) return {a + " && " + b, left.result && right.result};
  if (roll % 8 < 7) return {a + "||" + b, left.result || right.result};
  return {"!" + a + " != !" + b, left.result != right.result};
}

TEST(Guard, RandomExpressionsMeanWhatTheySay) {
  rc::check("guards", [](uint64_t seed) {
    const Sample sample = random_guard(seed, 6);
    if (sample.text.size() > limits::kGuardBytesMax) return;
    const auto guard = Guard::compile(sample.text);
    RC_ASSERT(guard.ok());
    RC_ASSERT(guard->holds(R"({"n0":0,"n1":1,"n2":2})") == sample.result);
  });
}

}  // namespace
}  // namespace rstmdb::guard
