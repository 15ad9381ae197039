// What may be called how: the one rule for names of machines, states and events, for ids and keys.
#pragma once

#include <string_view>

#include "base/limits.h"

namespace rstmdb::engine {

/// Why `name` (valid UTF-8) cannot be used, or "" when it can: 1 to limits::kNameBytesMax bytes, no
/// control characters. Everything else is allowed and compared byte by byte, without Unicode
/// normalisation.
inline std::string_view name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > limits::kNameBytesMax) return "is longer than 256 bytes";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return "holds a control character";
  }
  return {};
}

}  // namespace rstmdb::engine
