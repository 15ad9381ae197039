#include "base/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/limits.h"

namespace rstmdb {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 5> kLevelColours = {"\x1b[2m", "\x1b[36m", "\x1b[32m",
                                                           "\x1b[33m", "\x1b[31m"};
constexpr std::string_view kColourEnd = "\x1b[0m";

struct Rune {
  char32_t code = 0;
  size_t size = 0;  // 0: the bytes are no UTF-8 here
};

/// The character that `text` (not empty) begins with; overlong forms and surrogates are none.
Rune first_rune(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, size};
}

/// Characters that move the cursor, break the line or turn the direction of writing.
bool acts_on_terminal(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_escaped(std::string& out, char32_t code) {
  if (code == '\n') {
    out += "\\n";
  } else {
    char text[7];
    std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(code & 0xffff));
    out += text;
  }
}

enum class Quotes { kEscape, kKeep };

/// Appends `text`, harmless and cut to the limit, without quotes around it.
void append_text(std::string& out, std::string_view text, Quotes quotes) {
  const size_t whole_size = text.size();
  size_t done = 0;
  while (done < whole_size) {
    const Rune rune = first_rune(text.substr(done));
    const size_t size = std::max<size_t>(rune.size, 1);
    if (done + size > limits::kLogValueBytesMax) {
      out += "…(" + std::to_string(whole_size) + " bytes)";
      return;
    }
    if (rune.size == 0) {
      append_escaped(out, 0xfffd);
    } else if (acts_on_terminal(rune.code)) {
      append_escaped(out, rune.code);
    } else {
      if (quotes == Quotes::kEscape && (rune.code == '"' || rune.code == '\\')) out += '\\';
      out.append(text, done, size);
    }
    done += size;
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_text(out, text, Quotes::kEscape);
  out += '"';
}

template <class T>
void append_number(std::string& out, T number) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=\\") != std::string_view::npos;
}

void append_value(std::string& out, LogFormat format, const Field& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (format == LogFormat::kPretty && !needs_quotes(*text))
      append_text(out, *text, Quotes::kKeep);
    else
      append_quoted(out, *text);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    if (std::isfinite(*real))
      append_number(out, *real);
    else
      out += "null";
  } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
    append_number(out, *number);
  } else {
    append_number(out, std::get<uint64_t>(field.value));
  }
}

void append_time(std::string& out, int64_t unix_ms, char between) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(unix_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02u%c%02d:%02d:%02d.%03d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between,
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  out += text;
}

std::string json_line(int64_t unix_ms, Level level, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string out = "{\"ts\":\"";
  append_time(out, unix_ms, 'T');
  out += "Z\",\"level\":\"";
  out += level_name(level);
  out += "\",\"msg\":";
  append_quoted(out, message);
  for (const Field& field : fields) {
    out += ',';
    append_quoted(out, field.key);
    out += ':';
    append_value(out, LogFormat::kJson, field);
  }
  return out += '}';
}

enum class Colours { kOff, kOn };

std::string pretty_line(int64_t unix_ms, Level level, std::string_view message,
                        std::initializer_list<Field> fields, Colours colours) {
  std::string out;
  append_time(out, unix_ms, ' ');
  out += ' ';
  if (colours == Colours::kOn) out += kLevelColours[static_cast<size_t>(level)];
  out += level_name(level);
  if (colours == Colours::kOn) out += kColourEnd;
  out.append(6 - level_name(level).size(), ' ');
  append_text(out, message, Quotes::kKeep);
  for (const Field& field : fields) {
    out += ' ';
    append_text(out, field.key, Quotes::kKeep);
    out += '=';
    append_value(out, LogFormat::kPretty, field);
  }
  return out;
}

/// Hands the finished text through: level and time stand in it already.
class LineFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    out.append(message.payload.begin(), message.payload.end());
    out.push_back('\n');
  }
  std::unique_ptr<formatter> clone() const override { return std::make_unique<LineFormatter>(); }
};

spdlog::logger& standard_error() {
  static spdlog::logger& logger = *[] {  // never destroyed: the last lines are written at exit
    auto* made = new spdlog::logger("rstmdb", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(std::make_unique<LineFormatter>());
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return logger;
}

std::atomic<Level> lowest_level = Level::kInfo;
std::atomic<LogFormat> line_format = LogFormat::kAuto;

bool on_terminal() {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return terminal;
}

}  // namespace

std::string_view level_name(Level level) { return kLevelNames[static_cast<size_t>(level)]; }

std::optional<Level> level_of(std::string_view name) {
  const auto* found = std::ranges::find(kLevelNames, name);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<Level>(found - kLevelNames.begin());
}

void set_logging(Level lowest, LogFormat format) {
  lowest_level.store(lowest, std::memory_order_relaxed);
  line_format.store(format, std::memory_order_relaxed);
}

bool logs(Level level) { return level >= lowest_level.load(std::memory_order_relaxed); }

void log_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!logs(level)) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const LogFormat format = line_format.load(std::memory_order_relaxed);
  const bool pretty = format == LogFormat::kPretty || (format == LogFormat::kAuto && on_terminal());
  const std::string line = pretty ? pretty_line(unix_ms, level, message, fields,
                                                on_terminal() ? Colours::kOn : Colours::kOff)
                                  : json_line(unix_ms, level, message, fields);
  standard_error().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::string format_log_line(LogFormat format, int64_t unix_ms, Level level,
                            std::string_view message, std::initializer_list<Field> fields) {
  return format == LogFormat::kPretty ? pretty_line(unix_ms, level, message, fields, Colours::kOff)
                                      : json_line(unix_ms, level, message, fields);
}

}  // namespace rstmdb
