#include "api/request_times.h"

#include <gtest/gtest.h>

namespace rstmdb::api {
namespace {

constexpr size_t kPing = static_cast<size_t>(Operation::kPing);
constexpr size_t kWrite = static_cast<size_t>(Operation::kApplyEvent);

class RequestTimesTest : public testing::Test {
 protected:
  uint64_t count(size_t operation) const { return stats_[operation].duration_ns.count(); }
  int64_t sum(size_t operation) const { return stats_[operation].duration_ns.sum(); }

  OperationsStats stats_;
  RequestTimes times_{stats_};
};

TEST_F(RequestTimesTest, WhatWaitsForNothingTakesUntilItIsSent) {
  times_.arrived(1'000);
  times_.answered(kPing, 0, 0);
  times_.answered(kPing, 7, 7);
  EXPECT_EQ(count(kPing), 0u) << "not sent yet";
  EXPECT_TRUE(times_.anything_to_send());
  times_.sent(1'300);
  EXPECT_EQ(count(kPing), 2u);
  EXPECT_EQ(sum(kPing), 600);
  EXPECT_FALSE(times_.anything_to_send());
}

TEST_F(RequestTimesTest, AWriteTakesUntilItsOffsetIsCommitted) {
  times_.arrived(1'000);
  times_.answered(kWrite, 5, 4);
  times_.arrived(2'000);
  times_.answered(kWrite, 6, 4);
  times_.sent(2'100);
  times_.released(4, 2'500);
  EXPECT_EQ(count(kWrite), 0u);
  times_.released(5, 4'000);
  EXPECT_EQ(count(kWrite), 1u);
  EXPECT_EQ(sum(kWrite), 3'000);
  times_.released(9, 5'000);
  EXPECT_EQ(count(kWrite), 2u);
  EXPECT_EQ(sum(kWrite), 6'000);
}

TEST_F(RequestTimesTest, AnAnswerBehindALaterOffsetLeavesWithIt) {
  times_.arrived(0);
  times_.answered(kWrite, 9, 4);
  times_.answered(kPing, 6, 4);  // a read of what is not yet safe: the outbox keeps the order
  times_.released(6, 10);
  EXPECT_EQ(count(kPing), 0u);
  times_.released(9, 20);
  EXPECT_EQ(count(kPing), 1u);
}

TEST_F(RequestTimesTest, WithdrawnAnswersAreMeasuredToo) {
  times_.arrived(100);
  times_.answered(kWrite, 9, 4);
  times_.withdrawn(400);
  EXPECT_EQ(count(kWrite), 1u);
  EXPECT_EQ(sum(kWrite), 300);
  times_.released(9, 900);
  EXPECT_EQ(count(kWrite), 1u) << "once only";
}

TEST_F(RequestTimesTest, ALongQueueThatNeverEmptiesKeepsItsOrder) {
  uint64_t asked = 0;
  for (uint64_t committed = 0; committed < 20'000; ++committed) {
    while (asked < committed + 1'500) {
      times_.arrived(static_cast<int64_t>(asked));
      times_.answered(kWrite, ++asked, committed);
    }
    times_.released(committed + 1, static_cast<int64_t>(committed) + 10);
  }
  EXPECT_EQ(count(kWrite), 20'000u);
  EXPECT_EQ(sum(kWrite), 200'000) << "each took ten";
}

}  // namespace
}  // namespace rstmdb::api
