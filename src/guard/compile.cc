// One pass by recursive descent, writing instructions as it goes. The recursion is as deep as `!`
// and parentheses nest, and those are counted before each descent.
#include <cmath>
#include <optional>

#include "base/check.h"
#include "guard/compare.h"
#include "guard/guard.h"
#include "json/document.h"

namespace rstmdb::guard {
namespace {

constexpr std::string_view kDigits = "0123456789";

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (c & 0x80) != 0;
}

std::string shown(std::string_view text) {
  if (text.empty()) return "the end";
  size_t size = 1;
  if (is_name_byte(text[0])) {
    while (size < text.size() && size < 40 && is_name_byte(text[size])) ++size;
    // Messages are UTF-8: a character is shown whole.
    while (size < text.size() && (text[size] & 0xc0) == 0x80) ++size;
  }
  for (const unsigned char c : text.substr(0, size)) {
    if (c < 0x20 || c == 0x7f) return "a character that cannot stand here";
  }
  return "'" + std::string(text.substr(0, size)) + "'";
}

}  // namespace

class Compiler {
 public:
  explicit Compiler(std::string_view text) { guard_.text_ = text; }

  Result<Guard> run() {
    if (guard_.text_.size() > limits::kGuardBytesMax) {
      return error(limits::kGuardBytesMax, "length",
                   "it is longer than " + std::to_string(limits::kGuardBytesMax) + " bytes");
    }
    skip_space();
    if (at_end()) return error(0, "empty", "it is empty");
    RSTMDB_TRY(any_of());
    if (!at_end()) return after_operand();
    return std::move(guard_);
  }

 private:
  using Op = Guard::Op;

  std::string_view rest() const { return std::string_view(guard_.text_).substr(at_); }
  bool at_end() const { return at_ == guard_.text_.size(); }
  char peek() const { return at_end() ? '\0' : guard_.text_[at_]; }

  void skip_space() {
    at_ = std::min(guard_.text_.find_first_not_of(" \t\r\n", at_), guard_.text_.size());
  }

  /// Takes `token` and the space behind it when it comes next.
  bool take(std::string_view token) {
    if (!rest().starts_with(token)) return false;
    at_ += token.size();
    skip_space();
    return true;
  }

  void emit(Op op, size_t begin = 0, size_t size = 0) {
    guard_.program_.push_back({op, static_cast<uint32_t>(begin), static_cast<uint32_t>(size)});
  }

  static Error error(size_t at, std::string_view reason, const std::string& sentence) {
    const auto column = static_cast<int64_t>(at) + 1;
    return Error(Code::kBadRequest,
                 "the guard cannot be read at column " + std::to_string(column) + ": " + sentence)
        .with("column", column)
        .with("reason", reason);
  }

  /// Why what follows a whole operand does not belong there.
  Error after_operand() const {
    if (peek() == ')') return error(at_, "unbalanced", "this ')' closes nothing");
    if (rest().starts_with('=')) return error(at_, "operator", "equality is written ==");
    if (rest().starts_with('&')) return error(at_, "operator", "'and' is written &&");
    if (rest().starts_with('|')) return error(at_, "operator", "'or' is written ||");
    return error(at_, "operator", "expected an operator, not " + shown(rest()));
  }

  /// Operands joined by `sign`; each but the last may decide the result and jump behind all.
  template <class Part>
  Result<void> joined(std::string_view sign, Op jump, Part part) {
    RSTMDB_TRY(part());
    if (!rest().starts_with(sign)) return {};
    std::vector<size_t> jumps;
    while (take(sign)) {
      jumps.push_back(guard_.program_.size());
      emit(jump);
      RSTMDB_TRY(part());
    }
    emit(Op::kTruth);
    for (const size_t place : jumps) {
      guard_.program_[place].begin = static_cast<uint32_t>(guard_.program_.size());
    }
    return {};
  }

  Result<void> any_of() {
    return joined("||", Op::kJumpIfTrue, [this] { return all_of(); });
  }
  Result<void> all_of() {
    return joined("&&", Op::kJumpIfFalse, [this] { return comparison(); });
  }

  std::optional<Op> take_comparison() {
    if (take("==")) return Op::kEqual;
    if (take("!=")) return Op::kNotEqual;
    if (take("<=")) return Op::kLessEqual;
    if (take(">=")) return Op::kGreaterEqual;
    if (take("<")) return Op::kLess;
    if (take(">")) return Op::kGreater;
    return std::nullopt;
  }

  Result<void> comparison() {
    RSTMDB_TRY(unary());
    const auto op = take_comparison();
    if (!op) return {};
    RSTMDB_TRY(unary());
    emit(*op);
    const size_t second = at_;
    if (take_comparison()) {
      return error(second, "chained", "comparisons do not chain; join two of them with &&");
    }
    return {};
  }

  Result<void> unary() {
    if (peek() == '!' || peek() == '(') {
      if (depth_ == limits::kGuardDepthMax) {
        return error(at_, "depth",
                     "more than " + std::to_string(limits::kGuardDepthMax) +
                         " '!' and parentheses inside each other");
      }
      ++depth_;
      RSTMDB_TRY(peek() == '!' ? negation() : parentheses());
      --depth_;
      return {};
    }
    RSTMDB_TRY(operand());
    skip_space();
    return {};
  }

  Result<void> negation() {
    take("!");
    RSTMDB_TRY(unary());
    emit(Op::kNot);
    return {};
  }

  Result<void> parentheses() {
    const size_t opened = at_;
    take("(");
    RSTMDB_TRY(any_of());
    if (take(")")) return {};
    if (!at_end()) return after_operand();
    return error(at_, "unbalanced",
                 "the '(' of column " + std::to_string(opened + 1) + " is never closed");
  }

  Result<void> operand() {
    const char c = peek();
    if (c == '"') return string();
    if (c == '-' || (c >= '0' && c <= '9')) return number();
    if (c == '\'') return error(at_, "string", "strings are written in double quotes");
    if (at_end() || !is_name_byte(c)) {
      return error(at_, "operand", "expected a value, not " + shown(rest()));
    }
    return word();
  }

  std::string_view take_name() {
    const size_t begin = at_;
    while (!at_end() && is_name_byte(peek())) ++at_;
    return std::string_view(guard_.text_).substr(begin, at_ - begin);
  }

  Result<void> word() {
    const size_t begin = at_;
    const std::string_view name = take_name();
    if (name == "ctx") return path();
    if (name == "true") return emit(Op::kTrue), Result<void>();
    if (name == "false") return emit(Op::kFalse), Result<void>();
    if (name == "null") return emit(Op::kNull), Result<void>();
    RSTMDB_TRY(check_utf8(begin, name));
    return error(begin, "name",
                 "there is no " + shown(name) + "; members of the context are written ctx.name");
  }

  Result<void> path() {
    const size_t begin = at_ + 1;
    while (peek() == '.') {
      const size_t name_begin = ++at_;
      const std::string_view name = take_name();
      if (name.empty()) {
        return error(at_, "name", "expected a name after the '.', not " + shown(rest()));
      }
      RSTMDB_TRY(check_utf8(name_begin, name));
    }
    const bool whole = at_ < begin;
    emit(Op::kPath, whole ? 0 : begin, whole ? 0 : at_ - begin);
    return {};
  }

  static Result<void> check_utf8(size_t begin, std::string_view name) {
    json::Document document;
    const auto parsed = document.parse("\"" + std::string(name) + "\"");
    if (parsed.ok()) return {};
    const auto byte = static_cast<size_t>(parsed.error().detail_number("byte", 1));
    return error(begin + byte - 1, "utf8", "the name is not valid UTF-8");
  }

  bool take_digits() {
    const size_t begin = at_;
    at_ = std::min(guard_.text_.find_first_not_of(kDigits, at_), guard_.text_.size());
    return at_ > begin;
  }

  Result<void> number() {
    const size_t begin = at_;
    if (peek() == '-') ++at_;
    const size_t first = at_;
    if (!take_digits()) return error(at_, "number", "expected a digit after '-'");
    if (guard_.text_[first] == '0' && at_ > first + 1) {
      return error(first, "number", "a number has no leading zeros");
    }
    if (peek() == '.' && (++at_, !take_digits())) {
      return error(at_, "number", "expected a digit after the decimal point");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!take_digits()) return error(at_, "number", "expected a digit in the exponent");
    }
    if (!at_end() && (is_name_byte(peek()) || peek() == '.')) {
      return error(at_, "number", "unexpected " + shown(rest()) + " in a number");
    }
    return finish_number(begin);
  }

  Result<void> finish_number(size_t begin) {
    const std::string_view text = std::string_view(guard_.text_).substr(begin, at_ - begin);
    if (!is_integer(text)) {
      const bool zero = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") ==
                        std::string_view::npos;
      json::Document document;  // knows the largest exponent
      const bool readable = document.parse(text).ok();
      const double value = readable ? to_double(text) : 0;
      if (!readable || std::isinf(value) || (value == 0 && !zero)) {
        return error(begin, "number", "the number is out of the range of a double");
      }
    }
    emit(Op::kNumber, begin, text.size());
    return {};
  }

  Result<void> string() {
    const size_t begin = at_;
    ++at_;
    while (at_ < guard_.text_.size() && peek() != '"') at_ += peek() == '\\' ? 2 : 1;
    if (at_ >= guard_.text_.size()) {
      return error(begin, "string", "the string is never closed");
    }
    ++at_;
    json::Document document;
    const auto parsed = document.parse(std::string_view(guard_.text_).substr(begin, at_ - begin));
    if (!parsed.ok()) {
      const auto byte = static_cast<size_t>(parsed.error().detail_number("byte", 0));
      return error(begin + byte, "string",
                   "the string is not sound here: escapes are those of "
                   "JSON, control characters must be escaped, and all is UTF-8");
    }
    emit(Op::kString, guard_.strings_.size(), document.text().size());
    guard_.strings_.append(document.text());
    return {};
  }

  Guard guard_;
  size_t at_ = 0;
  size_t depth_ = 0;
};

Result<Guard> Guard::compile(std::string_view text) { return Compiler(text).run(); }

}  // namespace rstmdb::guard
