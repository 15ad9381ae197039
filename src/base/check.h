// Asserts that stay on in release: when we are wrong, stop before a wrong byte is written.
#pragma once

#include <string_view>

namespace rstmdb {

/// Prints place, condition and values to standard error, then aborts.
[[noreturn]] void check_failed(const char* file, int line, std::string_view condition,
                               std::string_view values);

}  // namespace rstmdb

/// Aborts with `values` (anything that makes a std::string_view) when `condition` does not hold.
#define RSTMDB_CHECK(condition, values)                               \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::rstmdb::check_failed(__FILE__, __LINE__, #condition, values); \
  } while (false)
