// A page of metrics: families of numbers, in the text format that Prometheus and its relatives
// scrape (version 0.0.4), written by prometheus-cpp's serializer.
//
// The numbers are summed already where they are counted, so there is no registry: a page is made
// anew for each scrape and thrown away. Names and labels come from our own code, never from a
// client, which is what keeps the number of series bounded. The format knows only doubles: a number
// above 2^53 loses its last digits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
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

  Text();
  ~Text();
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Begins a family; the samples that follow are its own. Each name once.
  Text& family(std::string_view name, Kind kind, std::string_view help);
  /// A number of a counter or gauge.
  Text& sample(double value) { return sample(std::span<const Label>(), value); }
  Text& sample(Label label, double value) { return sample({&label, 1}, value); }
  Text& sample(std::span<const Label> labels, double value);
  /// `per_unit` values of the histogram make one of the metric: 1e9 for ns shown in seconds.
  Text& samples(const Histogram& histogram, double per_unit) {
    return samples({}, histogram, per_unit);
  }
  Text& samples(Label label, const Histogram& histogram, double per_unit);

  void counter(std::string_view name, std::string_view help, uint64_t value) {
    family(name, Kind::kCounter, help).sample(static_cast<double>(value));
  }
  void gauge(std::string_view name, std::string_view help, uint64_t value) {
    family(name, Kind::kGauge, help).sample(static_cast<double>(value));
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, Kind::kGauge, help).sample(value);
  }

  /// The page so far.
  std::string text() const;

 private:
  struct Families;  // prometheus-cpp's, which stay out of this header
  std::unique_ptr<Families> families_;
};

}  // namespace rstmdb::metrics
