// Reading the content of strings in normal form: the one place that undoes escapes.
#pragma once

#include <compare>
#include <string_view>

namespace rstmdb::json {

/// Takes the next byte that `raw` (a string's inside, without quotes) stands for off its front: an
/// escape counts as what it escapes. -1 at the end. In normal form \u is only written for control
/// characters, so it is one byte, too; on other text the result is some byte, and nothing outside
/// `raw` is read.
inline int take_content_byte(std::string_view& raw) {
  if (raw.empty()) return -1;
  const auto byte = static_cast<unsigned char>(raw.front());
  raw.remove_prefix(1);
  if (byte != '\\' || raw.empty()) return byte;
  const char escaped = raw.front();
  raw.remove_prefix(1);
  switch (escaped) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'u':
      break;
    default:
      return static_cast<unsigned char>(escaped);
  }
  // 00 and two lower-case hex digits.
  if (raw.size() < 4) return -1;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  const int code = (digit(raw[2]) << 4 | digit(raw[3])) & 0xff;
  raw.remove_prefix(4);
  return code;
}

/// Orders two raw contents by the bytes that they stand for.
inline std::weak_ordering compare_content(std::string_view a, std::string_view b) {
  while (true) {
    const int byte_a = take_content_byte(a);
    const int byte_b = take_content_byte(b);
    if (byte_a != byte_b) return byte_a <=> byte_b;
    if (byte_a < 0) return std::weak_ordering::equivalent;
  }
}

}  // namespace rstmdb::json
