#include "metrics/text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <vector>

#include "base/check.h"

namespace rstmdb::metrics {
namespace {

prometheus::MetricType type_of(Text::Kind kind) {
  switch (kind) {
    case Text::Kind::kCounter:
      return prometheus::MetricType::Counter;
    case Text::Kind::kGauge:
      return prometheus::MetricType::Gauge;
    case Text::Kind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  check_failed(__FILE__, __LINE__, "known kind of metric", "");
}

}  // namespace

struct Text::Families {
  /// One more metric of the family begun last.
  prometheus::ClientMetric& add(std::span<const Label> labels) {
    RSTMDB_CHECK(!all.empty(), "a sample of no family");
    prometheus::ClientMetric& metric = all.back().metric.emplace_back();
    for (const Label& label : labels) {
      if (!label.name.empty())
        metric.label.push_back({std::string(label.name), std::string(label.value)});
    }
    return metric;
  }
  std::vector<prometheus::MetricFamily> all;
};

Text::Text() : families_(std::make_unique<Families>()) {}
Text::~Text() = default;

Text& Text::family(std::string_view name, Kind kind, std::string_view help) {
  families_->all.push_back({std::string(name), std::string(help), type_of(kind), {}});
  return *this;
}

Text& Text::sample(std::span<const Label> labels, double value) {
  prometheus::ClientMetric& metric = families_->add(labels);
  metric.counter.value = value;  // the family's type says which of the two is written
  metric.gauge.value = value;
  return *this;
}

Text& Text::samples(Label label, const Histogram& histogram, double per_unit) {
  prometheus::ClientMetric::Histogram& shown = families_->add({&label, 1}).histogram;
  shown.sample_count = histogram.count();
  shown.sample_sum = static_cast<double>(histogram.sum()) / per_unit;
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.bounds().size(); ++i) {
    below += histogram.bucket(i);
    shown.bucket.push_back({below, static_cast<double>(histogram.bounds()[i]) / per_unit});
  }
  shown.bucket.push_back({histogram.count(), std::numeric_limits<double>::infinity()});
  return *this;
}

std::string Text::text() const { return prometheus::TextSerializer().Serialize(families_->all); }

}  // namespace rstmdb::metrics
