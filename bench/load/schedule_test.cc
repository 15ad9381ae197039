#include "load/schedule.h"

#include <gtest/gtest.h>

namespace rstmdb::bench {
namespace {

TEST(Schedule, IsDueAtAFixedRateFromTheStart) {
  Schedule schedule(1'000, 1'000'000);
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(schedule.due_ns(), 1'000 + i * 1'000);
    schedule.take();
  }
  EXPECT_EQ(schedule.taken(), 10u);
}

TEST(Schedule, RoundingDoesNotAddUp) {
  constexpr int kPerSecond = 70'001;  // a step of 14285.510… ns
  Schedule schedule(0, kPerSecond);
  for (int i = 0; i < 100 * kPerSecond; ++i) schedule.take();
  EXPECT_NEAR(static_cast<double>(schedule.due_ns()), 100e9, 100);
}

TEST(Schedule, WhatWasMissedStaysDueAtItsOwnTime) {
  Schedule schedule(0, 1'000);
  // Nobody asked for a second: the hundredth request is still due at 100 ms.
  for (int i = 0; i < 100; ++i) schedule.take();
  EXPECT_EQ(schedule.due_ns(), 100'000'000);
}

}  // namespace
}  // namespace rstmdb::bench
