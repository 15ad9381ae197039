#include "json/writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "json/words.h"

namespace rstmdb::json {
namespace {

/// For each byte: 0 when it stands for itself, 'u' when it needs \u00xx, else the letter behind the
/// backslash.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (size_t c = 0; c < 0x20; ++c) escapes[c] = 'u';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  return escapes;
}();

/// How many bytes of `text` stand for themselves until the first that needs an escape.
size_t plain_bytes(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    const uint64_t word = load_word(text.data() + at);
    const uint64_t hits = has_byte_below(word, 0x20) | has_byte(word, '"') | has_byte(word, '\\');
    if (hits != 0) return at + static_cast<size_t>(first_byte(hits));
  }
  while (at < text.size() && kEscapes[static_cast<unsigned char>(text[at])] == 0) ++at;
  return at;
}

/// Appends `before`, a quote, `text` and `after`, growing the string once.
void append_quoted(std::string& out, std::string_view before, std::string_view text,
                   std::string_view after) {
  const size_t old = out.size();
  const size_t size = old + before.size() + 1 + text.size() + after.size();
  out.resize_and_overwrite(size, [&](char* bytes, size_t) {
    char* at = std::ranges::copy(before, bytes + old).out;
    *at++ = '"';
    at = std::ranges::copy(text, at).out;
    std::ranges::copy(after, at);
    return size;
  });
}

void append_escaped(std::string& out, std::string_view text) {
  size_t done = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const char escape = kEscapes[byte];
    if (escape == 0) [[likely]]
      continue;
    out.append(text, done, at - done);
    done = at + 1;
    out.push_back('\\');
    out.push_back(escape);
    if (escape != 'u') continue;
    out.append("00");
    out.push_back(byte < 0x10 ? '0' : '1');
    out.push_back("0123456789abcdef"[byte & 0x0f]);
  }
  out.append(text, done);
}

template <class Number>
void append_decimal(std::string& out, Number number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  const size_t plain = plain_bytes(text);
  append_quoted(out, {}, text.substr(0, plain), plain == text.size() ? "\"" : "");
  if (plain == text.size()) [[likely]]
    return;
  append_escaped(out, text.substr(plain));
  out.push_back('"');
}

void append_number(std::string& out, uint64_t number) { append_decimal(out, number); }
void append_number(std::string& out, int64_t number) { append_decimal(out, number); }

void Writer::separate() {
  if (comma_) out_.push_back(',');
  comma_ = true;
}

Writer& Writer::open_object() {
  separate();
  out_.push_back('{');
  comma_ = false;
  return *this;
}

Writer& Writer::close_object() {
  out_.push_back('}');
  comma_ = true;
  return *this;
}

Writer& Writer::open_array() {
  separate();
  out_.push_back('[');
  comma_ = false;
  return *this;
}

Writer& Writer::close_array() {
  out_.push_back(']');
  comma_ = true;
  return *this;
}

Writer& Writer::key(std::string_view key) {
  const std::string_view comma = comma_ ? "," : "";
  comma_ = false;
  if (plain_bytes(key) == key.size()) [[likely]] {
    append_quoted(out_, comma, key, "\":");
    return *this;
  }
  out_.append(comma);
  append_string(out_, key);
  out_.push_back(':');
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_string(out_, text);
  return *this;
}

Writer& Writer::value(bool flag) {
  separate();
  out_.append(flag ? "true" : "false");
  return *this;
}

Writer& Writer::value(uint64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

Writer& Writer::value(int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

Writer& Writer::value(RawJson json) {
  separate();
  out_.append(json.text);
  return *this;
}

Writer& Writer::null() {
  separate();
  out_.append("null");
  return *this;
}

}  // namespace rstmdb::json
