#include "output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace rstmdb::cli {
namespace {

std::string_view sequence_of(Colour colour) {
  switch (colour) {
    case Colour::kPlain:
      return "";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kCyan:
      return "\x1b[36m";
    case Colour::kDim:
      return "\x1b[2m";
  }
  return "";
}

constexpr char kHexDigits[] = "0123456789abcdef";

/// Whether the character at `at` is a C1 control: two bytes of UTF-8 that start with c2.
bool is_c1(std::string_view text, size_t at) {
  return text[at] == '\xc2' && at + 1 < text.size() &&
         static_cast<unsigned char>(text[at + 1]) < 0xa0;
}

/// JSON text as it is, with the control characters that JSON lets stand in strings as escapes.
std::string printable_json(std::string_view json) {
  std::string out;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\x7f' && !is_c1(json, i)) {
      out += json[i];
      continue;
    }
    const auto shown = static_cast<unsigned char>(json[i] == '\x7f' ? json[i] : json[++i]);
    out += "\\u00";
    out += {kHexDigits[shown >> 4], kHexDigits[shown & 15]};
  }
  return out;
}

void append_pretty(std::string& out, const client::Json& value, size_t depth) {
  const std::string inner(2 * (depth + 1), ' ');
  const char* separator = "\n";
  if (value.is_object() && value.size() > 0) {
    out += '{';
    for (const auto& [key, member] : value.members()) {
      out += separator + inner + printable_json(client::json_quote(key)) + ": ";
      append_pretty(out, member, depth + 1);
      separator = ",\n";
    }
    out += "\n" + std::string(2 * depth, ' ') + "}";
  } else if (value.is_array() && value.size() > 0) {
    out += '[';
    for (const client::Json& element : value.elements()) {
      out += separator + inner;
      append_pretty(out, element, depth + 1);
      separator = ",\n";
    }
    out += "\n" + std::string(2 * depth, ' ') + "]";
  } else {
    out += printable_json(value.text());
  }
}

}  // namespace

Colours colours_for(int descriptor) {
  const char* const term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  const char* const refused = std::getenv("NO_COLOR");
  const bool wanted = refused == nullptr || *refused == '\0';
  return ::isatty(descriptor) == 1 && wanted && !dumb ? Colours::kOn : Colours::kOff;
}

std::string coloured(Colours colours, Colour colour, std::string_view text) {
  if (colours == Colours::kOff || colour == Colour::kPlain) return std::string(text);
  return std::string(sequence_of(colour)) + std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = is_c1(text, i);
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f || c1) {
      const unsigned shown = c1 ? static_cast<unsigned char>(text[++i]) : byte;
      out += {'\\', 'x', kHexDigits[shown >> 4], kHexDigits[shown & 15]};
    } else {
      out += static_cast<char>(byte);
    }
  }
  return out;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string pretty(const client::Json& value) {
  std::string out;
  append_pretty(out, value, 0);
  return out;
}

std::string time_text(int64_t unix_ms) {
  const int64_t millis = ((unix_ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((unix_ms - millis) / 1000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(unix_ms);
  char text[80];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char tail[16];
  std::snprintf(tail, sizeof tail, ".%03dZ", static_cast<int>(millis));
  return std::string(text, size) + tail;
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::text(Colours colours) const {
  std::vector<size_t> widths;
  for (const std::string& cell : heading_) widths.push_back(width_of(cell));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  const auto line = [&](const std::vector<std::string>& cells, Colour colour) {
    std::string out;
    for (size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out += std::string(widths[i] - width_of(cells[i]) + 2, ' ');
    }
    return coloured(colours, colour, out) + "\n";
  };
  std::string out = line(heading_, Colour::kBold);
  for (const auto& row : rows_) out += line(row, Colour::kPlain);
  return out;
}

}  // namespace rstmdb::cli
