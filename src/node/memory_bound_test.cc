#include "node/memory_bound.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace rstmdb::node {
namespace {

using Change = MemoryBound::Change;
using engine::Record;
using engine::RecordKind;

class MemoryBoundTest : public testing::Test {
 protected:
  Result<void> admit(MemoryBound& bound, RecordKind kind) {
    engine::Draft draft(state_);
    Record record;
    record.kind = kind;
    record.instance_id = "i";
    draft.add(record);
    return bound.admit(draft);
  }

  engine::State state_{{}};
};

TEST_F(MemoryBoundTest, RefusesWhatGrowsFromTheBoundOn) {
  MemoryBound bound(1000);
  EXPECT_EQ(bound.note_used(999), Change::kNone);
  EXPECT_TRUE(admit(bound, RecordKind::kCreateInstance).ok());
  EXPECT_EQ(bound.note_used(1000), Change::kEntered);
  EXPECT_EQ(bound.note_used(1001), Change::kNone) << "one change, however often it is seen";
  for (const RecordKind kind : {RecordKind::kCreateInstance, RecordKind::kPutMachine}) {
    const auto refused = admit(bound, kind);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::kRateLimited);
    EXPECT_EQ(refused.error().detail("code"), "MEMORY_LIMIT");
    EXPECT_EQ(refused.error().detail_number("used_bytes", -1), 1001);
    EXPECT_EQ(refused.error().detail_number("limit_bytes", -1), 1000);
  }
  EXPECT_EQ(bound.stats().refused_writes, 2u);
  for (const RecordKind kind :
       {RecordKind::kDeleteInstance, RecordKind::kSnapshotInstance, RecordKind::kFlushAll})
    EXPECT_TRUE(admit(bound, kind).ok());
}

TEST_F(MemoryBoundTest, TakesAllAgainOnceATenthIsFree) {
  MemoryBound bound(1000);
  EXPECT_EQ(bound.note_used(5000), Change::kEntered);
  EXPECT_EQ(bound.note_used(901), Change::kNone);
  EXPECT_FALSE(admit(bound, RecordKind::kCreateInstance).ok());
  EXPECT_EQ(bound.note_used(900), Change::kLeft);
  EXPECT_TRUE(admit(bound, RecordKind::kCreateInstance).ok());
  EXPECT_EQ(bound.note_used(999), Change::kNone);
  EXPECT_EQ(bound.note_used(1000), Change::kEntered);
  EXPECT_EQ(bound.stats().times_entered, 2u);
}

TEST_F(MemoryBoundTest, AsksToBeToldAgainWhenMuchHasBeenFolded) {
  MemoryBound bound(1000);
  bound.note_folded(2 * limits::kMemoryLookBytes);  // nobody looks
  bound.note_used(0);
  int looks = 0;
  bound.look_when_due([&] {
    ++looks;
    bound.note_used(1000);
  });
  bound.note_folded(limits::kMemoryLookBytes - 1);
  EXPECT_EQ(looks, 0);
  bound.note_folded(1);
  EXPECT_EQ(looks, 1);
  EXPECT_TRUE(bound.stats().refusing);
  bound.note_folded(limits::kMemoryLookBytes - 1);
  EXPECT_EQ(looks, 1);
}

TEST_F(MemoryBoundTest, WithoutABoundNothingIsRefused) {
  MemoryBound bound(0);
  EXPECT_EQ(bound.note_used(UINT64_MAX), Change::kNone);
  EXPECT_TRUE(admit(bound, RecordKind::kCreateInstance).ok());
}

}  // namespace
}  // namespace rstmdb::node
