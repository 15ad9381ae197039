// A second opinion on what JSON is: a strict validator that shares nothing with src/json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rstmdb::fuzz {

enum class Verdict : uint8_t { kJson, kNotJson, kUndecided };

/// Validates one JSON text: RFC 8259, UTF-8, at most 64 levels, no lone surrogates. kUndecided for
/// a sound text with an exponent so large that a parser may refuse it.
class JsonOracle {
 public:
  explicit JsonOracle(std::string_view text) : text_(text) {}

  Verdict verdict() {
    space();
    if (!value(0)) return Verdict::kNotJson;
    space();
    if (at_ != text_.size()) return Verdict::kNotJson;
    return large_exponent_ ? Verdict::kUndecided : Verdict::kJson;
  }

 private:
  static constexpr int kDepthMax = 64;

  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  bool take(char c) {
    if (peek() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  bool value(int depth) {
    switch (peek()) {
      case '{':
        return depth < kDepthMax && object(depth + 1);
      case '[':
        return depth < kDepthMax && array(depth + 1);
      case '"':
        return string();
      case 't':
        return take("true");
      case 'f':
        return take("false");
      case 'n':
        return take("null");
      default:
        return number();
    }
  }

  bool object(int depth) {
    take('{');
    space();
    if (take('}')) return true;
    do {
      space();
      if (!string()) return false;
      space();
      if (!take(':')) return false;
      space();
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take('}');
  }

  bool array(int depth) {
    take('[');
    space();
    if (take(']')) return true;
    do {
      space();
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take(']');
  }

  size_t digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - begin;
  }

  bool number() {
    take('-');
    if (!take('0') && digits() == 0) return false;
    if (take('.') && digits() == 0) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    const size_t zeros = at_;
    while (peek() == '0') ++at_;
    const size_t significant = digits();
    if (significant > 9) large_exponent_ = true;
    return significant > 0 || at_ > zeros;
  }

  bool string() {
    if (!take('"')) return false;
    for (;;) {
      const int c = peek();
      if (c < 0x20) return false;
      if (c == '"') return take('"');
      if (c == '\\' ? !escape() : !character(c)) return false;
    }
  }

  /// Four hexadecimal digits, or -1.
  int unit() {
    int number = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int c = peek();
      const int letter = c | 0x20;
      if (c >= '0' && c <= '9') {
        number = number * 16 + c - '0';
      } else if (letter >= 'a' && letter <= 'f') {
        number = number * 16 + letter - 'a' + 10;
      } else {
        return -1;
      }
    }
    return number;
  }

  bool escape() {
    take('\\');
    if (!take('u')) {
      constexpr std::string_view kLetters = "\"\\/bfnrt";
      if (peek() < 0 || kLetters.find(text_[at_]) == kLetters.npos) return false;
      ++at_;
      return true;
    }
    const int first = unit();
    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff)) return false;
    if (first < 0xd800 || first > 0xdbff) return true;
    if (!take("\\u")) return false;
    const int second = unit();
    return second >= 0xdc00 && second <= 0xdfff;
  }

  /// One character of UTF-8, judged by the code point that it stands for.
  bool character(int lead) {
    ++at_;
    if (lead < 0x80) return true;
    const int followers = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc0 || lead > 0xf7) return false;
    int32_t point = lead & (0x3f >> followers);
    for (int i = 0; i < followers; ++i, ++at_) {
      if ((peek() & 0xc0) != 0x80 || peek() < 0) return false;
      point = point << 6 | (peek() & 0x3f);
    }
    constexpr int32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point >= kLeast[followers] && point <= 0x10ffff && !surrogate;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool large_exponent_ = false;
};

}  // namespace rstmdb::fuzz
