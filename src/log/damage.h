// The two ways in which a log's bytes can be refused. Both name the file and the byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rstmdb::log {

inline constexpr std::string_view kLogDamaged = "LOG_DAMAGED";
inline constexpr std::string_view kLogUnknownVersion = "LOG_UNKNOWN_VERSION";

/// kWalIoError with details code=LOG_DAMAGED, file, byte: these bytes are not what was written.
inline Error log_damaged(const std::string& file, uint64_t byte, std::string_view what) {
  std::string text = file + ", byte " + std::to_string(byte) + ": ";
  text.append(what);
  return Error(Code::kWalIoError, std::move(text))
      .with("code", kLogDamaged)
      .with("file", file)
      .with("byte", static_cast<int64_t>(byte));
}

/// kWalIoError with details code=LOG_UNKNOWN_VERSION, file, byte: intact, but of a later format.
inline Error log_unknown_version(const std::string& file, uint64_t byte) {
  return Error(Code::kWalIoError, file + ", byte " + std::to_string(byte) +
                                      ": a version of the log format that this program lacks")
      .with("code", kLogUnknownVersion)
      .with("file", file)
      .with("byte", static_cast<int64_t>(byte));
}

}  // namespace rstmdb::log
