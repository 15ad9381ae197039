// Guards: small boolean expressions over an instance's context, decided before the payload is
// merged.
//
//   expression  = or
//   or          = and ("||" and)*            and = comparison ("&&" comparison)*   -- see grammar
//   in docs operand     = "ctx" ("." name)*  |  number  |  "string"  |  true  |  false  |  null
//
// A guard is compiled once, when its machine is put, into a flat program without pointers;
// evaluating it allocates nothing, takes a number of steps bounded by its length, and never fails.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace rstmdb::guard {

class Guard {
 public:
  /// Compiles `text`. Refuses with kBadRequest and details column (1-based, in bytes), reason;
  /// never more than limits::kGuardBytesMax bytes or limits::kGuardDepthMax nested operators and
  /// parentheses.
  static Result<Guard> compile(std::string_view text);

  /// Whether the guard holds for `context`, an object's JSON text in normal form (json/document.h).
  bool holds(std::string_view context) const;

  /// The text that was compiled, as it came.
  const std::string& text() const { return text_; }

 private:
  // The representation is chosen by guard.cc's author.
  std::string text_;
};

}  // namespace rstmdb::guard
