// The input up to its first zero byte is a guard, the rest a context. What must hold: compiling
// ends with a guard or with an error that names a column; a guard gives the same answer each time,
// also when copied; and its negation gives the opposite.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "guard/guard.h"
#include "json/document.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using rstmdb::guard::Guard;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t split = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(0, split);
  const auto guard = Guard::compile(text);
  if (!guard.ok()) {
    const int64_t column = guard.error().detail_number("column", 0);
    RSTMDB_CHECK(column >= 1 && column <= static_cast<int64_t>(text.size()) + 1, text);
    RSTMDB_CHECK(!guard.error().detail("reason").empty(), text);
    return 0;
  }
  RSTMDB_CHECK(guard->text() == text, text);
  rstmdb::json::Document document;
  const bool sound = split < input.size() && document.parse(input.substr(split + 1)).ok() &&
                     document.root().is_object();
  const std::string context(sound ? document.text() : R"({"a":1,"b":{"c":"x"},"d":[1.5]})");
  const bool holds = guard->holds(context);
  const Guard copy = *guard;
  RSTMDB_CHECK(copy.holds(context) == holds, text);
  const auto negated = Guard::compile("!(" + std::string(text) + ")");
  if (negated.ok()) RSTMDB_CHECK(negated->holds(context) != holds, text);
  return 0;
}
