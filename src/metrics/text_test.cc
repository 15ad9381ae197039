#include "metrics/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace rstmdb::metrics {
namespace {

TEST(Text, SamplesStandUnderTheirFamily) {
  Text text;
  text.counter("a_total", "How many.", uint64_t{9'007'199'254'740'991});
  text.gauge("b", "How much.", 0.1);
  text.family("c", Text::Kind::kCounter, "By kind.")
      .sample({"kind", "x"}, 1)
      .sample({"kind", "y"}, 0);
  EXPECT_EQ(text.text(),
            "# HELP a_total How many.\n# TYPE a_total counter\na_total 9007199254740991\n"
            "# HELP b How much.\n# TYPE b gauge\nb 0.1\n"
            "# HELP c By kind.\n# TYPE c counter\nc{kind=\"x\"} 1\nc{kind=\"y\"} 0\n");
}

TEST(Text, AHistogramAddsItsBucketsUp) {
  static constexpr std::array<int64_t, 2> kBounds = {1'000'000, 2'500'000'000};
  Histogram histogram(kBounds);
  histogram.observe(500'000);
  histogram.observe(1'000'000);
  histogram.observe(2'000'000'000);
  histogram.observe(9'000'000'000);
  Text text;
  text.family("h", Text::Kind::kHistogram, "Times.").samples({"op", "PING"}, histogram, 1e9);
  EXPECT_EQ(text.text(),
            "# HELP h Times.\n# TYPE h histogram\n"
            "h_count{op=\"PING\"} 4\nh_sum{op=\"PING\"} 11.0015\n"
            "h_bucket{op=\"PING\",le=\"0.001\"} 2\n"
            "h_bucket{op=\"PING\",le=\"2.5\"} 3\n"
            "h_bucket{op=\"PING\",le=\"+Inf\"} 4\n");
}

TEST(Text, LabelsAreEscaped) {
  Text text;
  text.family("i", Text::Kind::kGauge, "x").sample({"v", "a\"b\\c\nd"}, 1);
  EXPECT_TRUE(text.text().ends_with("i{v=\"a\\\"b\\\\c\\nd\"} 1\n")) << text.text();
}

TEST(Text, NumbersThatAreNoneHaveNames) {
  Text text;
  text.gauge("n", "x", std::numeric_limits<double>::infinity());
  text.gauge("m", "x", std::numeric_limits<double>::quiet_NaN());
  EXPECT_NE(text.text().find("\nn +Inf\n"), std::string::npos);
  EXPECT_NE(text.text().find("\nm Nan\n"), std::string::npos);
}

}  // namespace
}  // namespace rstmdb::metrics
