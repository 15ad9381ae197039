#include "base/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace rstmdb {
namespace {

constexpr std::array<int64_t, 3> kBounds = {10, 20, 40};

TEST(Histogram, AValueThatEqualsABoundCountsBelowIt) {
  Histogram histogram(kBounds);
  for (const int64_t value : {0, 10, 11, 20, 21, 40, 41}) histogram.observe(value);
  EXPECT_EQ(histogram.bucket(0), 2u);
  EXPECT_EQ(histogram.bucket(1), 2u);
  EXPECT_EQ(histogram.bucket(2), 2u);
  EXPECT_EQ(histogram.bucket(3), 1u) << "above all bounds";
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_EQ(histogram.sum(), 143);
}

TEST(Histogram, SeveralOfTheSameValueAreOneObservation) {
  Histogram histogram(kBounds);
  histogram.observe(15, 3);
  EXPECT_EQ(histogram.bucket(1), 3u);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.sum(), 45);
}

TEST(Histogram, OneWithoutBoundsCounts) {
  Histogram histogram({});
  histogram.observe(7);
  EXPECT_EQ(histogram.bucket(0), 1u);
}

TEST(Histogram, RefusesBoundsThatDoNotGrow) {
  static constexpr std::array<int64_t, 2> kSame = {5, 5};
  EXPECT_DEATH(Histogram{kSame}, "do not grow");
  static constexpr std::array<int64_t, Histogram::kBoundsMax + 1> kTooMany = {};
  EXPECT_DEATH(Histogram{kTooMany}, "more bounds");
}

RC_GTEST_PROP(Histogram, EveryValueIsInTheBucketThatAWalkFinds, ()) {
  const auto values = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 6000));
  Histogram histogram(kCountBounds);
  std::vector<uint64_t> expected(kCountBounds.size() + 1);
  int64_t sum = 0;
  for (const int64_t value : values) {
    histogram.observe(value);
    size_t bucket = 0;
    while (bucket < kCountBounds.size() && kCountBounds[bucket] < value) ++bucket;
    ++expected[bucket];
    sum += value;
  }
  for (size_t i = 0; i < expected.size(); ++i) RC_ASSERT(histogram.bucket(i) == expected[i]);
  RC_ASSERT(histogram.count() == values.size());
  RC_ASSERT(histogram.sum() == sum);
}

}  // namespace
}  // namespace rstmdb
