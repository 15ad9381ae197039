// Guards: small boolean expressions over an instance's context, decided before the payload is
// merged.
//
//   expression = all ("||" all)*
//   all        = comparison ("&&" comparison)*
//   comparison = unary (("==" | "!=" | "<" | "<=" | ">" | ">=") unary)?     does not chain
//   unary      = "!" unary | operand
//   operand    = "ctx" ("." name)* | number | string | "true" | "false" | "null"
//              | "(" expression ")"
//   name       = one or more letters, digits, "_" and characters beyond ASCII
//
// Numbers and strings are written as in JSON. Space, tab and line ends may stand between any two of
// these, but not inside a path. `ctx` alone is the whole context.
//
// A member that is missing, or looked for in something that is no object, is null. False are null,
// false, 0, "", [] and {}; all else is true. `!`, `&&`, `||` and comparisons give true or false,
// and `&&` and `||` look at their right side only when it matters.
// `==` is false between different types, and `!=` is always its opposite. Two numbers written
// without fraction and exponent compare exactly, whatever their length; other numbers compare as
// doubles. Strings compare by their bytes. Arrays and objects are equal when their text in normal
// form is (json/document.h): same order, same spelling of numbers. `<`, `<=`, `>` and `>=` are
// false unless both sides are numbers or both are strings.
//
// A guard is compiled once, when its machine is put, into a flat program without pointers;
// evaluating it allocates nothing and takes at most one step for each instruction. Each member that
// a step looks for is found by reading the text, so what a guard costs depends on the context too:
// whoever evaluates guards for others says how much it may be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace rstmdb::guard {

class Guard {
 public:
  /// Compiles `text`. Refuses with kBadRequest and details column (1-based, in bytes) and reason:
  /// empty, length (more than limits::kGuardBytesMax bytes), depth (more than
  /// limits::kGuardDepthMax `!` and open parentheses around one place), operand or operator (one
  /// was expected there), unbalanced (a parenthesis without its other half), chained (a comparison
  /// of a comparison), name, number, string (not a sound one) or utf8 (in a name).
  static Result<Guard> compile(std::string_view text);

  /// Whether the guard holds for `context`, an object's JSON text in normal form (json/document.h).
  /// Takes what it costs off `work`: the bytes in which members are looked for, and kStepWork for
  /// each instruction. None when that is not enough, however the guard would have come out; then
  /// nothing is left of `work`. Safe from any thread.
  std::optional<bool> holds(std::string_view context, uint64_t& work) const;
  /// The same, whatever it costs.
  bool holds(std::string_view context) const;

  static constexpr uint64_t kStepWork = 16;

  /// The text that was compiled, as it came.
  const std::string& text() const { return text_; }

 private:
  friend class Compiler;

  enum class Op : uint8_t {
    kNull,
    kFalse,
    kTrue,
    kPath,    // text_[begin, size): the names, with dots; empty for the whole context
    kNumber,  // text_[begin, size)
    kString,  // strings_[begin, size), with quotes
    kNot,
    kTruth,        // turns the top into true or false
    kJumpIfFalse,  // top is false: leave false and go to instruction `begin`; else drop it
    kJumpIfTrue,   // top is true: leave true and go to instruction `begin`; else drop it
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
  };
  struct Instruction {
    Op op;
    uint32_t begin = 0;
    uint32_t size = 0;
  };

  std::string text_;
  std::string strings_;  // string literals in normal form
  std::vector<Instruction> program_;
};

}  // namespace rstmdb::guard
