#include "source_place.h"

#include <algorithm>
#include <charconv>

#include "output.h"

namespace rstmdb::cli {
namespace {

constexpr size_t kShownBefore = 80;
constexpr size_t kShownAfter = 40;

/// Walks valid JSON text without building anything.
class Walker {
 public:
  Walker(std::string_view text, size_t at) : text_(text), at_(at) { space(); }

  size_t at() const { return at_; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  /// Over one character and the white space behind it.
  void step() {
    at_ = std::min(at_ + 1, text_.size());
    space();
  }
  /// Over a string; gives its raw content.
  std::string_view string() {
    const size_t begin = ++at_;
    while (peek() != '"' && at_ < text_.size()) at_ += peek() == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    const std::string_view raw = text_.substr(begin, at_ - begin);
    step();
    return raw;
  }
  /// Over one value of any kind. Brackets are only counted: the text is known to be JSON.
  void value() {
    size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      const bool scalar = depth == 0 && c != '}' && c != ']';
      if (scalar) {
        at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
        space();
        return;
      }
      step();
    } while (depth > 0 && at_ < text_.size());
  }

 private:
  std::string_view text_;
  size_t at_;
};

/// Moves `at` to member `key` of the object there; false when there is none.
bool enter_member(std::string_view text, size_t& at, std::string_view key) {
  Walker walker(text, at);
  if (walker.peek() != '{') return false;
  walker.step();
  bool found = false;
  while (walker.peek() == '"') {
    const std::string_view name = walker.string();
    walker.step();  // the colon
    if (name == key) {
      at = walker.at();
      found = true;  // the last of equal keys counts
    }
    walker.value();
    if (walker.peek() == ',') walker.step();
  }
  return found;
}

bool enter_element(std::string_view text, size_t& at, size_t index) {
  Walker walker(text, at);
  if (walker.peek() != '[') return false;
  walker.step();
  for (; index > 0 && walker.peek() != ']' && walker.at() < text.size(); --index) {
    walker.value();
    if (walker.peek() == ',') walker.step();
  }
  if (walker.peek() == ']' || walker.at() >= text.size()) return false;
  at = walker.at();
  return true;
}

/// Bytes of UTF-8 that the escape at `at` stands for, and its own length.
std::pair<size_t, size_t> escape_at(std::string_view text, size_t at) {
  if (at + 1 >= text.size() || text[at + 1] != 'u') return {1, 2};
  const auto unit = [&](size_t from) {
    unsigned code = 0;
    if (from + 4 <= text.size()) {
      std::from_chars(text.data() + from, text.data() + from + 4, code, 16);
    }
    return code;
  };
  const unsigned code = unit(at + 2);
  if (code < 0x80) return {1, 6};
  if (code < 0x800) return {2, 6};
  if (code >= 0xd800 && code < 0xdc00) return {4, 12};
  return {3, 6};
}

}  // namespace

size_t byte_of_path(std::string_view text, std::string_view path) {
  size_t at = Walker(text, 0).at();
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with('[')) {
      const size_t close = std::min(path.find(']'), path.size());
      size_t index = 0;
      std::from_chars(path.data() + 1, path.data() + close, index);
      if (!enter_element(text, at, index)) break;
      path.remove_prefix(std::min(close + 1, path.size()));
    } else {
      const size_t end = std::min(path.find_first_of(".["), path.size());
      if (!enter_member(text, at, path.substr(0, end))) break;
      path.remove_prefix(end);
    }
  }
  return at;
}

size_t byte_in_string(std::string_view text, size_t quote, int64_t column) {
  size_t at = quote + 1;
  for (auto left = static_cast<size_t>(std::max<int64_t>(column - 1, 0)); left > 0;) {
    if (at >= text.size() || text[at] == '"') break;
    const auto [stands_for, length] =
        text[at] == '\\' ? escape_at(text, at) : std::pair<size_t, size_t>{1, 1};
    at += length;
    left -= std::min(left, stands_for);
  }
  return std::min(at, text.size());
}

std::string show_place(std::string_view name, std::string_view text, size_t byte) {
  byte = std::min(byte, text.size());
  const size_t before = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const size_t end = std::min(text.find('\n', begin), text.size());
  const auto number =
      std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n'));
  // Cut points must not fall into a character.
  const auto inside = [&](size_t at) {
    return at < end && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  size_t from = byte - begin > kShownBefore ? byte - kShownBefore : begin;
  size_t to = std::min(end, byte + kShownAfter);
  while (inside(from)) ++from;
  while (inside(to)) ++to;
  const std::string left = (from > begin ? "…" : "") + printable(text.substr(from, byte - from));
  const std::string right =
      printable(text.substr(byte, std::max(to, byte) - byte)) + (to < end ? "…" : "");
  const std::string margin(number.size() + 2, ' ');
  std::string out(name);
  out += ":" + number + ":" + std::to_string(byte - begin + 1) + "\n";
  out += "  " + number + " | " + left + right + "\n";
  out += margin + " | " + std::string(width_of(left), ' ') + "^\n";
  return out;
}

}  // namespace rstmdb::cli
