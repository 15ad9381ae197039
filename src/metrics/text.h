// Metrics in the text format that Prometheus and its relatives scrape (version 0.0.4).
//
//   # HELP name what it is
//   # TYPE name counter
//   name{label="value"} 42
//
// Written straight into one string: the numbers are already summed where they are counted, so a
// registry of metric objects would be a second copy of them. Names and labels come from our own
// code, never from a client, which is what keeps the number of series bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/histogram.h"

namespace rstmdb::metrics {

struct Label {
  std::string_view name;
  std::string_view value;
};

class Text {
 public:
  enum class Kind { kCounter, kGauge, kHistogram };

  /// Begins a family; the samples that follow are its own. Each name once.
  Text& family(std::string_view name, Kind kind, std::string_view help);
  Text& sample(uint64_t value) { return sample({}, value); }
  Text& sample(double value);
  Text& sample(Label label, uint64_t value);
  /// `per_unit` values of the histogram make one of the metric: 1e9 for ns shown in seconds.
  Text& samples(const Histogram& histogram, double per_unit) {
    return samples({}, histogram, per_unit);
  }
  Text& samples(Label label, const Histogram& histogram, double per_unit);

  void counter(std::string_view name, std::string_view help, uint64_t value) {
    family(name, Kind::kCounter, help).sample(value);
  }
  void gauge(std::string_view name, std::string_view help, uint64_t value) {
    family(name, Kind::kGauge, help).sample(value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, Kind::kGauge, help).sample(value);
  }

  const std::string& text() const& { return out_; }
  std::string&& text() && { return std::move(out_); }

 private:
  void begin_line(std::string_view suffix, Label first, Label second);
  void append(double value);

  std::string out_;
  std::string family_;
};

}  // namespace rstmdb::metrics
