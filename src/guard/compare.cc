#include "guard/compare.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

#include "json/escape.h"

namespace rstmdb::guard {
namespace {

/// Whether a number that no double holds is too large rather than too close to zero.
bool is_huge(std::string_view digits) {
  const size_t e = std::min(digits.find_first_of("eE"), digits.size());
  const std::string_view mantissa = digits.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  int64_t exponent = 0;
  if (e < digits.size()) {
    std::string_view power = digits.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    // JSON text holds no exponent beyond 32 bits, so this cannot go out of range.
    std::from_chars(power.data(), power.data() + power.size(), exponent);
  }
  return static_cast<int64_t>(point) - static_cast<int64_t>(first) + exponent > 0;
}

/// The inside of a string's text.
std::string_view inside(std::string_view quoted) { return quoted.substr(1, quoted.size() - 2); }

struct Integer {
  explicit Integer(std::string_view text) : negative(text.starts_with('-')), digits(text) {
    if (negative) digits.remove_prefix(1);
    if (digits == "0") negative = false;
  }
  bool negative;
  std::string_view digits;  // without leading zeros, as JSON wants it
};

std::weak_ordering compare_integers(Integer a, Integer b) {
  if (a.negative != b.negative) return b.negative <=> a.negative;
  if (a.negative) std::swap(a, b);
  if (a.digits.size() != b.digits.size()) return a.digits.size() <=> b.digits.size();
  return a.digits.compare(b.digits) <=> 0;
}

}  // namespace

bool is_integer(std::string_view text) { return text.find_first_of(".eE") == text.npos; }

double to_double(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc::result_out_of_range) return number;
  const bool negative = text.starts_with('-');
  const std::string_view digits = negative ? text.substr(1) : text;
  const double size = is_huge(digits) ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -size : size;
}

std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
  if (is_integer(a) && is_integer(b)) return compare_integers(Integer(a), Integer(b));
  const double x = to_double(a);
  const double y = to_double(b);
  if (x < y) return std::weak_ordering::less;
  return x > y ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

std::weak_ordering compare_strings(std::string_view a, std::string_view b) {
  return json::compare_content(inside(a), inside(b));
}

}  // namespace rstmdb::guard
