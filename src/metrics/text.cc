#include "metrics/text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace rstmdb::metrics {
namespace {

std::string_view kind_name(Text::Kind kind) {
  switch (kind) {
    case Text::Kind::kCounter:
      return "counter";
    case Text::Kind::kGauge:
      return "gauge";
    case Text::Kind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void append_label(std::string& out, const Label& label) {
  out.append(label.name).append("=\"");
  for (const char c : label.value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out += '"';
}

}  // namespace

Text& Text::family(std::string_view name, Kind kind, std::string_view help) {
  family_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out_.append(name).append(" ").append(kind_name(kind)).append("\n");
  return *this;
}

void Text::begin_line(std::string_view suffix, Label first, Label second) {
  RSTMDB_CHECK(!family_.empty(), "a sample of no family");
  out_.append(family_).append(suffix);
  if (!first.name.empty() || !second.name.empty()) {
    out_ += '{';
    if (!first.name.empty()) append_label(out_, first);
    if (!first.name.empty() && !second.name.empty()) out_ += ',';
    if (!second.name.empty()) append_label(out_, second);
    out_ += '}';
  }
  out_ += ' ';
}

/// The shortest text that reads back as the same number.
void Text::append(double value) {
  if (!std::isfinite(value)) {
    out_ += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> digits;
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out_.append(digits.data(), end);
}

Text& Text::sample(double value) {
  begin_line("", {}, {});
  append(value);
  out_ += '\n';
  return *this;
}

Text& Text::sample(Label label, uint64_t value) {
  begin_line("", label, {});
  out_.append(std::to_string(value)).append("\n");
  return *this;
}

Text& Text::samples(Label label, const Histogram& histogram, double per_unit) {
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.bounds().size(); ++i) {
    below += histogram.bucket(i);
    std::array<char, 32> digits;
    const auto [end, failure] =
        std::to_chars(digits.data(), digits.data() + digits.size(),
                      static_cast<double>(histogram.bounds()[i]) / per_unit);
    begin_line("_bucket", label, {"le", {digits.data(), static_cast<size_t>(end - digits.data())}});
    out_.append(std::to_string(below)).append("\n");
  }
  begin_line("_bucket", label, {"le", "+Inf"});
  out_.append(std::to_string(histogram.count())).append("\n");
  begin_line("_sum", label, {});
  append(static_cast<double>(histogram.sum()) / per_unit);
  out_ += '\n';
  begin_line("_count", label, {});
  out_.append(std::to_string(histogram.count())).append("\n");
  return *this;
}

}  // namespace rstmdb::metrics
