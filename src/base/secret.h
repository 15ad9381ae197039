// Comparing secrets.
#pragma once

#include <string_view>

namespace rstmdb {

/// Whether two texts are equal, in a time that depends on their lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace rstmdb
