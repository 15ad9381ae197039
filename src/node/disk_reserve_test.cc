#include "node/disk_reserve.h"

#include <gtest/gtest.h>

namespace rstmdb::node {
namespace {

using Change = DiskReserve::Change;

TEST(DiskReserve, RefusesBelowTheReserveAndNotAtIt) {
  DiskReserve reserve(1000);
  EXPECT_TRUE(reserve.admit().ok()) << "nothing has been seen yet";
  EXPECT_EQ(reserve.note_free(1000), Change::kNone);
  EXPECT_TRUE(reserve.admit().ok());
  EXPECT_EQ(reserve.note_free(999), Change::kEntered);
  const auto refused = reserve.admit();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kRateLimited);
  EXPECT_EQ(refused.error().detail("code"), "DISK_RESERVE");
  EXPECT_EQ(refused.error().detail_number("free_bytes", -1), 999);
  EXPECT_EQ(refused.error().detail_number("reserve_bytes", -1), 1000);
}

TEST(DiskReserve, TakesWritesAgainOnceATenthMoreIsFree) {
  DiskReserve reserve(1000);
  EXPECT_EQ(reserve.note_free(0), Change::kEntered);
  EXPECT_EQ(reserve.note_free(0), Change::kNone) << "one change, however often it is seen";
  EXPECT_EQ(reserve.note_free(1099), Change::kNone);
  EXPECT_FALSE(reserve.admit().ok());
  EXPECT_EQ(reserve.note_free(1100), Change::kLeft);
  EXPECT_TRUE(reserve.admit().ok());
  EXPECT_EQ(reserve.note_free(1000), Change::kNone);
  EXPECT_EQ(reserve.note_free(999), Change::kEntered);
}

TEST(DiskReserve, CountsWhatItRefuses) {
  DiskReserve reserve(10);
  EXPECT_FALSE(reserve.stats().free_bytes.has_value());
  reserve.note_free(9);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(reserve.admit().ok());
  reserve.note_free(11);
  EXPECT_TRUE(reserve.admit().ok());
  reserve.note_free(1);
  EXPECT_EQ(reserve.stats().refused_writes, 3u);
  EXPECT_EQ(reserve.stats().times_entered, 2u);
  EXPECT_EQ(reserve.stats().free_bytes, 1u);
  EXPECT_TRUE(reserve.stats().refusing);
}

TEST(DiskReserve, LetsSnapshotsHaveMostOfItOnceWritesAreRefused) {
  DiskReserve reserve(1000);
  reserve.note_free(1000);
  EXPECT_EQ(reserve.left_by_snapshots(), 1000u);
  reserve.note_free(999);
  EXPECT_EQ(reserve.left_by_snapshots(), 250u);
  reserve.note_free(1100);
  EXPECT_EQ(reserve.left_by_snapshots(), 1000u);
  EXPECT_EQ(DiskReserve(0).left_by_snapshots(), 0u);
}

TEST(DiskReserve, OfNothingRefusesNothing) {
  DiskReserve reserve(0);
  EXPECT_EQ(reserve.note_free(0), Change::kNone);
  EXPECT_TRUE(reserve.admit().ok());
}

}  // namespace
}  // namespace rstmdb::node
