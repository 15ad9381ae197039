#include "json/parse_error.h"

#include <algorithm>
#include <string>

#include "json/writer.h"

namespace rstmdb::json {
namespace {

struct Place {
  int64_t line = 1;
  int64_t column = 1;
};

Place place_of(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const size_t newline = before.rfind('\n');
  return {1 + std::ranges::count(before, '\n'),
          static_cast<int64_t>(newline == std::string_view::npos ? byte + 1 : byte - newline)};
}

/// Whether `byte` lies inside a string. What stands before it is known to be sound.
bool inside_string(std::string_view text, size_t byte) {
  bool inside = false;
  for (size_t at = 0; at < byte; ++at) {
    if (text[at] == '"') inside = !inside;
    if (inside && text[at] == '\\') ++at;
  }
  return inside;
}

/// Where a character begins that is wrong in itself rather than cut off by the end of the text;
/// npos when there is none. `text` ends inside a string that is sound but for its last character.
size_t broken_tail(std::string_view text) {
  const size_t first = text.size() - std::min<size_t>(text.size(), 3);
  for (size_t at = text.size(); at-- > first;) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0xc0) continue;
    const size_t followers = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    const auto sound = [](char c) { return (c & 0xc0) == 0x80; };
    const bool all = std::ranges::all_of(text.substr(at + 1, followers), sound);
    return all ? std::string_view::npos : at;
  }
  return std::string_view::npos;
}

struct Finding {
  std::string_view reason;
  std::string sentence;
};

std::string shown(char c) {
  if (c > 0x20 && c < 0x7f) return c == '\'' ? "\"'\"" : std::string("'") + c + "'";
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  return std::string("byte 0x") + kHex[byte >> 4] + kHex[byte & 0x0f];
}

/// Whether a leading surrogate's escape ends at `byte`, or one byte before at a backslash.
bool after_surrogate(std::string_view text, size_t byte) {
  if (byte > 0 && text[byte - 1] == '\\') --byte;
  if (byte < 6) return false;
  const std::string_view escape = text.substr(byte - 6, 4);
  return escape.starts_with("\\u") && (escape[2] == 'd' || escape[2] == 'D') &&
         std::string_view("89abAB").contains(escape[3]);
}

Finding syntax_finding(std::string_view text, size_t byte) {
  const char c = text[byte];
  if (!inside_string(text, byte)) {
    if (text.starts_with("\xef\xbb\xbf") && byte == 0) {
      return {"syntax", "the text begins with a byte order mark"};
    }
    return {"syntax", "unexpected " + shown(c)};
  }
  if ((c & 0x80) != 0) return {"utf8", "the string is not valid UTF-8 at " + shown(c)};
  if (static_cast<unsigned char>(c) < 0x20) {
    return {"syntax", shown(c) + " in a string must be written as an escape"};
  }
  if (after_surrogate(text, byte)) return {"utf8", "half of a surrogate pair in a string"};
  return {"syntax", "unexpected " + shown(c) + " in an escape"};
}

Finding finding_of(std::string_view text, size_t byte, Fault fault, const ParseLimits& limits) {
  switch (fault) {
    case Fault::kSyntax:
      return syntax_finding(text, byte);
    case Fault::kSurrogate:
      return {"utf8", "half of a surrogate pair in a string"};
    case Fault::kDepth: {
      const size_t depth = std::min(limits.depth, limits::kJsonAnswerDepthMax);
      return {"depth", "nested deeper than " + std::to_string(depth) + " levels"};
    }
    case Fault::kMembers:
      return {"members", "an object of more than " + std::to_string(limits.members) + " members"};
    case Fault::kIncomplete:
      return {"incomplete", text.empty() ? "the text is empty" : "the text ends too early"};
    case Fault::kTrailing:
      return {"trailing", "unexpected " + shown(text[byte]) + " after the value"};
    case Fault::kExponent:
      return {"number", "the exponent of a number is beyond 2147483647"};
    case Fault::kSize:
      return {"size", "the text is too long"};
  }
  check_failed(__FILE__, __LINE__, "a Fault", std::to_string(static_cast<int>(fault)));
}

}  // namespace

Error parse_error(std::string_view text, size_t byte, Fault fault, const ParseLimits& limits) {
  if (fault == Fault::kSyntax && byte >= text.size()) fault = Fault::kIncomplete;
  if (fault == Fault::kIncomplete) {
    byte = text.size();
    const size_t broken = broken_tail(text);
    if (broken != std::string_view::npos && inside_string(text, broken)) {
      byte = broken;
      fault = Fault::kSyntax;
    }
  }
  const Place place = fault == Fault::kSize ? Place() : place_of(text, byte);
  const Finding finding = finding_of(text, byte, fault, limits);
  std::string message = "not JSON at line " + std::to_string(place.line) + ", column " +
                        std::to_string(place.column) + ": " + finding.sentence;
  return Error(Code::kBadRequest, std::move(message))
      .with("byte", static_cast<int64_t>(byte))
      .with("line", place.line)
      .with("column", place.column)
      .with("reason", finding.reason);
}

}  // namespace rstmdb::json
