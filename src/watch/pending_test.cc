#include "watch/pending.h"

#include <gtest/gtest.h>

namespace rstmdb::watch {
namespace {

Change change_at(uint64_t offset, std::string_view context) {
  Change change;
  change.offset = offset;
  change.instance_id = "order-1";
  change.machine = "order";
  change.version = 3;
  change.from_state = "new";
  change.to_state = "paid";
  change.event = "PAY";
  change.payload = R"({"by":"card"})";
  change.context = context;
  return change;
}

TEST(Pending, GivesBackWhatWasAddedInOrder) {
  Pending pending;
  pending.add(change_at(5, R"({"n":1})"), 4);
  pending.add(change_at(6, R"({"n":2})"), 4);
  EXPECT_EQ(pending.first_offset(), 5u);
  const Pending::Held held = pending.front();
  EXPECT_EQ(held.unit_first, 4u);
  EXPECT_EQ(held.change.instance_id, "order-1");
  EXPECT_EQ(held.change.machine, "order");
  EXPECT_EQ(held.change.version, 3u);
  EXPECT_EQ(held.change.from_state, "new");
  EXPECT_EQ(held.change.to_state, "paid");
  EXPECT_EQ(held.change.event, "PAY");
  EXPECT_EQ(held.lean, R"("instance_id":"order-1","machine":"order","version":3,"wal_offset":5,)"
                       R"("from_state":"new","to_state":"paid","event":"PAY",)"
                       R"("payload":{"by":"card"})");
  EXPECT_EQ(held.members, std::string(held.lean) + R"(,"ctx":{"n":1})");
  pending.pop();
  EXPECT_EQ(pending.first_offset(), 6u);
  pending.pop();
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(pending.bytes(), 0u);
}

TEST(Pending, WhatHasGoneIsDroppedThoughSomethingIsAlwaysOnItsWay) {
  Pending pending;
  const std::string context = R"({"x":")" + std::string(10'000, 'x') + "\"}";
  for (uint64_t offset = 1; offset <= 10'000; ++offset) {
    pending.add(change_at(offset, context), offset);
    if (offset <= 10) continue;
    ASSERT_EQ(pending.front().change.offset, offset - 10);
    ASSERT_TRUE(pending.front().members.ends_with("x\"}"));
    pending.pop();
    ASSERT_LE(pending.bytes(), 400'000u);
  }
}

TEST(Pending, CreationsAndDeletionsSayNullForWhatTheyLack) {
  Pending pending;
  Change creation = change_at(1, "{}");
  creation.kind = ChangeKind::kCreate;
  creation.from_state = creation.event = creation.payload = {};
  pending.add(creation, 1);
  EXPECT_EQ(pending.front().members,
            R"("instance_id":"order-1","machine":"order","version":3,"wal_offset":1,)"
            R"("from_state":null,"to_state":"paid","event":null,"payload":null,"ctx":{})");
  pending.pop();
  Change deletion = creation;
  deletion.kind = ChangeKind::kDelete;
  deletion.from_state = "paid";
  deletion.to_state = deletion.context = {};
  pending.add(deletion, 1);
  EXPECT_TRUE(pending.front().members.ends_with(
      R"("from_state":"paid","to_state":null,"event":null,"payload":null,"ctx":null)"));
  pending.pop();
  Change plain = change_at(1, "{}");
  plain.payload = {};
  pending.add(plain, 1);
  EXPECT_TRUE(pending.front().lean.ends_with(R"("payload":{})"));
}

}  // namespace
}  // namespace rstmdb::watch
