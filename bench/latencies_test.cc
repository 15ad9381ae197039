#include "bench/latencies.h"

#include <gtest/gtest.h>

#include <memory>

namespace rstmdb::bench {
namespace {

TEST(Latencies, NoneIsZero) {
  const auto latencies = std::make_unique<Latencies>();
  EXPECT_EQ(latencies->count(), 0u);
  EXPECT_EQ(latencies->percentile_us(0.99), 0);
}

TEST(Latencies, PercentilesOfEveryMagnitudeAreWithinOnePercent) {
  for (double scale : {1.0, 50.0, 1e3, 1e6, 1e9}) {
    const auto latencies = std::make_unique<Latencies>();
    for (int i = 1; i <= 1000; ++i) latencies->record(static_cast<int64_t>(i * scale));
    for (double share : {0.001, 0.25, 0.5, 0.99, 0.999, 1.0}) {
      const double exact = share * 1000 * scale / 1000;
      const double found = latencies->percentile_us(share);
      EXPECT_GE(found, exact * 0.9999) << scale << " " << share;
      EXPECT_LE(found, exact * 1.008) << scale << " " << share;
    }
  }
}

TEST(Latencies, TheSpectrumRunsFromTheSmallestToTheLargest) {
  const auto latencies = std::make_unique<Latencies>();
  EXPECT_TRUE(latencies->spectrum().empty());
  for (int i = 1; i <= 100; ++i) latencies->record(i * 1000);
  const auto points = latencies->spectrum();
  ASSERT_GT(points.size(), 30u);
  EXPECT_EQ(points.front().share, 0);
  EXPECT_NEAR(points.front().us, 1, 0.01);
  EXPECT_EQ(points.back().share, 1);
  EXPECT_NEAR(points.back().us, 100, 0.8);
  for (size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(points[i].share, points[i - 1].share);
    EXPECT_GE(points[i].us, points[i - 1].us);
  }
}

TEST(Latencies, ExtremesHaveABucket) {
  const auto latencies = std::make_unique<Latencies>();
  latencies->record(-5);
  latencies->record(0);
  EXPECT_EQ(latencies->percentile_us(1), 0);
  latencies->record(INT64_MAX);
  EXPECT_GE(latencies->percentile_us(1), 9.2e15);
  latencies->clear();
  EXPECT_EQ(latencies->count(), 0u);
}

}  // namespace
}  // namespace rstmdb::bench
