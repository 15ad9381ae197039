// Structured log lines on standard error: a level, a sentence and named values.
//
// A line is one line whatever is in it: control characters and bytes that are no UTF-8 are escaped,
// and a long value is cut at limits::kLogValueBytesMax, so neither a client's name nor a broken
// file can forge a line or flood the log. Payloads, contexts and tokens are never given to this.
//
//   json:   {"ts":"2026-01-31T12:00:00.123Z","level":"info","msg":"listening","address":"…"}
//   pretty: 2026-01-31 12:00:00.123 info  listening address=127.0.0.1:7401
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rstmdb {

enum class Level : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
/// kAuto is pretty on a terminal and json elsewhere.
enum class LogFormat : uint8_t { kAuto, kJson, kPretty };

/// "trace", "debug", "info", "warn" or "error", and back.
std::string_view level_name(Level level);
std::optional<Level> level_of(std::string_view name);

/// A named value of a line. Views what it was made from: use it inside the call only.
struct Field {
  template <std::integral T>
  Field(std::string_view field_key, T number) : key(field_key) {
    if constexpr (std::same_as<T, bool>)
      value = number;
    else if constexpr (std::is_signed_v<T>)
      value = static_cast<int64_t>(number);
    else
      value = static_cast<uint64_t>(number);
  }
  Field(std::string_view field_key, double number) : key(field_key), value(number) {}
  Field(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  Field(std::string_view field_key, const std::string& text)
      : Field(field_key, std::string_view(text)) {}
  Field(std::string_view field_key, const char* text) : Field(field_key, std::string_view(text)) {}

  std::string_view key;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;
};

/// Sets what is written and how. Before the first call: info, kAuto. Thread-safe; meant for the
/// start and for a reload.
void set_logging(Level lowest, LogFormat format);

/// Whether a line of `level` would be written, for lines that are costly to put together.
bool logs(Level level);

/// Writes one line, or does nothing when `level` is below the lowest. Thread-safe.
void log_line(Level level, std::string_view message, std::initializer_list<Field> fields = {});

/// The line without its end, as it would be written at `unix_ms`; what log_line and the tests use.
std::string format_log_line(LogFormat format, int64_t unix_ms, Level level,
                            std::string_view message, std::initializer_list<Field> fields);

}  // namespace rstmdb
