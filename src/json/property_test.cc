// What holds for every JSON text: random trees are written with random white space, escapes and
// repeated keys, and compared with what the library makes of them.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "json/document.h"
#include "json/scan.h"
#include "json/writer.h"

namespace rstmdb::json {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

/// Everything random in a sample comes from one seed, which rapidcheck reports: a tree built from
/// its own generators takes gigabytes to shrink.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  size_t below(size_t bound) { return engine_() % bound; }
  template <size_t N>
  std::string_view one_of(const std::string_view (&texts)[N]) {
    return texts[below(N)];
  }

 private:
  std::mt19937_64 engine_;
};

std::string space(Dice& dice) {
  return std::string(dice.one_of({"", "", "", " ", "\t\n", "\r\n  "}));
}

/// Few different keys, so that repeats are common.
std::string random_key(Dice& dice) {
  if (dice.below(2) == 0) return "k" + std::to_string(dice.below(60));
  return std::string(dice.one_of({"a", "b", "key", "k\n", "", "\u00e9", "with \"quote\"",
                                  "a longer key than a word", "a longer key than a ward"}));
}

/// One of the many ways to write a string.
std::string spelled(Dice& dice, std::string_view text) {
  std::string out;
  append_string(out, text);
  if (dice.below(3) > 0) return out;
  std::string escaped = "\"";
  for (const char c : text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      escaped.push_back(c);
    } else {
      escaped += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return escaped + "\"";
}

std::string scalar(Dice& dice) {
  return std::string(
      dice.one_of({"0", "-0", "1.50", "1e400", "18446744073709551616", "true", "false", "null",
                   "\"\"", "\"x\\ty\"", "\"\\u0000\"", "\"]},\"", "-9007199254740993"}));
}

/// The text as it may be sent, and its normal form worked out in the plainest way.
struct Sample {
  std::string sent;
  std::string normal;
};

Sample random_value(Dice& dice, int depth);

Sample random_array(Dice& dice, int depth, size_t size) {
  Sample sample{"[", "["};
  for (size_t i = 0; i < size; ++i) {
    const Sample child = random_value(dice, depth - 1);
    sample.sent += (i > 0 ? "," : "") + child.sent;
    sample.normal += (i > 0 ? "," : "") + child.normal;
  }
  return {sample.sent + space(dice) + "]", sample.normal + "]"};
}

Sample random_object(Dice& dice, int depth, size_t size) {
  Sample sample{"{" + space(dice), ""};
  Members members;
  for (size_t i = 0; i < size; ++i) {
    const Sample child = random_value(dice, depth - 1);
    const std::string key = random_key(dice);
    if (i > 0) sample.sent += "," + space(dice);
    sample.sent += spelled(dice, key) + space(dice) + ":" + child.sent;
    const auto same = std::ranges::find(members, key, &Members::value_type::first);
    if (same == members.end()) {
      members.emplace_back(key, child.normal);
    } else {
      same->second = child.normal;
    }
  }
  Writer writer(sample.normal);
  writer.open_object();
  for (const auto& [key, text] : members) writer.member(key, RawJson{text});
  writer.close_object();
  return {sample.sent + "}", sample.normal};
}

Sample random_value(Dice& dice, int depth) {
  const size_t kind = depth == 0 ? 0 : dice.below(4);
  if (kind == 0) {
    const std::string text = scalar(dice);
    return {space(dice) + text + space(dice), text};
  }
  const size_t size = dice.below(dice.below(8) == 0 ? 40 : 5);
  return kind == 1 ? random_array(dice, depth, size) : random_object(dice, depth, size);
}

std::string object_text(Dice& dice) {
  return random_object(dice, 2, dice.below(dice.below(4) == 0 ? 80 : 6)).normal;
}

std::string merged(std::string_view base, std::string_view patch) {
  std::string out;
  append_merged(out, base, patch);
  return out;
}

void check_tree(Value value) {
  if (value.type() != scan_type(value.text())) RC_FAIL("type");
  uint32_t children = 0;
  for (Value child = value.first(); child; child = child.next(), ++children) {
    check_tree(child);
    if (!value.is_object()) continue;
    std::string raw_key;
    append_string(raw_key, child.key());
    raw_key = raw_key.substr(1, raw_key.size() - 2);
    RC_ASSERT(scan_member(value.text(), raw_key) == child.text());
    RC_ASSERT(value[child.key()].text() == child.text());
  }
  if (value.is_array() || value.is_object()) RC_ASSERT(value.size() == children);
}

TEST(Property, NormalFormIsRightAndAFixedPoint) {
  rc::check("normal form", [](uint64_t seed) {
    Dice dice(seed);
    const Sample sample = random_value(dice, 4);
    Document document;
    RC_ASSERT(document.parse(sample.sent).ok());
    RC_ASSERT(document.text() == sample.normal);
    Document again;
    RC_ASSERT(again.parse(document.text()).ok());
    RC_ASSERT(again.text() == document.text());
  });
}

TEST(Property, TreeAndScanAgree) {
  rc::check("lookups", [](uint64_t seed) {
    Dice dice(seed);
    Document document;
    RC_ASSERT(document.parse(random_value(dice, 4).sent).ok());
    check_tree(document.root());
  });
}

TEST(Property, MergeLaws) {
  rc::check("merge", [](uint64_t seed) {
    Dice dice(seed);
    const std::string a = object_text(dice);
    const std::string b = object_text(dice);
    const std::string c = object_text(dice);
    RC_ASSERT(merged(a, "{}") == a);
    RC_ASSERT(merged("{}", a) == a);
    RC_ASSERT(merged(a, a) == a);
    RC_ASSERT(merged(merged(a, b), b) == merged(a, b));
    RC_ASSERT(merged(merged(a, b), c) == merged(a, merged(b, c)));
    const std::string ab = merged(a, b);
    Document document;
    RC_ASSERT(document.parse(ab).ok());
    RC_ASSERT(document.text() == ab);
    for (MemberScan member(ab); member.valid(); member.advance()) {
      const auto replaced = scan_member(b, member.raw_key());
      RC_ASSERT(member.value() == (replaced ? *replaced : scan_member(a, member.raw_key())));
    }
  });
}

TEST(Property, SortingLosesNothingAndRestsThere) {
  rc::check("sort", [](uint64_t seed) {
    Dice dice(seed);
    Document document;
    RC_ASSERT(document.parse(random_value(dice, 4).sent).ok());
    std::string once;
    append_sorted(once, document.text());
    std::string twice;
    append_sorted(twice, once);
    RC_ASSERT(once == twice);
    RC_ASSERT(once.size() == document.text().size());
    RC_ASSERT(Document().parse(once).ok());
  });
}

TEST(Property, DamagedTextNeverBreaksAnything) {
  rc::check("damage", [](uint64_t seed, const std::string& bytes) {
    Dice dice(seed);
    std::string text = random_value(dice, 3).sent;
    const auto at = dice.below(text.size());
    text.replace(at, dice.below(4), bytes.substr(0, 3));
    Document document;
    const auto parsed = document.parse(text);
    if (parsed.ok()) {
      RC_ASSERT(Document().parse(document.text()).ok());
      return;
    }
    RC_ASSERT(!document.root());
    RC_ASSERT(parsed.error().detail_number("byte", -1) >= 0);
    RC_ASSERT(parsed.error().detail_number("byte", -1) <= static_cast<int64_t>(text.size()));
    RC_ASSERT(!parsed.error().detail("reason").empty());
  });
}

}  // namespace
}  // namespace rstmdb::json
