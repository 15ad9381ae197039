// Comparing numbers and strings in the form in which JSON in normal form has them, in place.
#pragma once

#include <compare>
#include <string_view>

namespace rstmdb::guard {

/// Whether `text`, a JSON number, has neither fraction nor exponent.
bool is_integer(std::string_view text);

/// The double nearest to `text`, a JSON number; beyond the range of doubles an infinity or zero,
/// with the number's sign.
double to_double(std::string_view text);

/// Integers exactly, others as doubles; -0 equals 0. Never unordered.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b);

/// By the bytes of the unescaped contents. `a` and `b` are strings in normal form, with quotes.
std::weak_ordering compare_strings(std::string_view a, std::string_view b);

}  // namespace rstmdb::guard
