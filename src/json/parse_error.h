// Says what is wrong with a JSON text and where. Runs only for texts that were refused, so it may
// read them again from the start.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "json/document.h"

namespace rstmdb::json {

/// Longest text that a tape can name places in.
inline constexpr size_t kTextBytesMax = (size_t{1} << 32) - 16;

enum class Fault : uint8_t {
  kSyntax,
  kSurrogate,
  kDepth,
  kMembers,
  kIncomplete,
  kTrailing,
  kExponent,
  kSize,
};

/// The error of Document::parse for a parser that stopped at `byte` of `text`. `text` is not read
/// for kSize.
Error parse_error(std::string_view text, size_t byte, Fault fault, const ParseLimits& limits);

}  // namespace rstmdb::json
