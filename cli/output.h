// What a person sees: tables, JSON with indentation, colours. Everything that came from elsewhere
// goes through printable(), so that no stored text can drive the terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rstmdb/json.h"

namespace rstmdb::cli {

enum class Colour : uint8_t { kPlain, kBold, kRed, kGreen, kCyan, kDim };
enum class Colours : uint8_t { kOff, kOn };

/// On for a terminal, unless NO_COLOR is set or TERM is dumb.
Colours colours_for(int descriptor);

/// `text` between the escape sequences of `colour`, or as it is.
std::string coloured(Colours colours, Colour colour, std::string_view text);

/// `text` with control characters as \xNN (\n and \t as such), so that it stays on its line.
std::string printable(std::string_view text);

/// Columns on a terminal, counted in code points.
size_t width_of(std::string_view text);

/// JSON with two spaces of indentation; empty objects and arrays on one line.
std::string pretty(const client::Json& value);

/// Unix milliseconds as 2026-01-31T09:30:00.250Z.
std::string time_text(int64_t unix_ms);

/// Rows of cells under a heading, each column as wide as its widest cell, two spaces between.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : heading_(std::move(heading)) {}
  /// Cells are made printable. As many as the heading has.
  void add(std::vector<std::string> row);
  std::string text(Colours colours) const;

 private:
  std::vector<std::string> heading_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace rstmdb::cli
