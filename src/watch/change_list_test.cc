#include "watch/change_list.h"

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

TEST(ChangeList, GivesBackWhatWasAddedInOrder) {
  ChangeList pending;
  pending.add(change_at(5, R"({"n":1})"), 4);
  pending.add(change_at(6, R"({"n":2})"), 4);
  EXPECT_EQ(pending.offset(0), 5u);
  const ChangeList::Held held = pending.at(0);
  EXPECT_EQ(held.unit_first, 4u);
  EXPECT_EQ(held.change.instance_id, "order-1");
  EXPECT_EQ(held.change.machine, "order");
  EXPECT_EQ(held.change.version, 3u);
  EXPECT_EQ(held.change.from_state, "new");
  EXPECT_EQ(held.change.to_state, "paid");
  EXPECT_EQ(held.change.event, "PAY");
  EXPECT_EQ(
      held.lean.text,
      R"({"type":"event","instance_id":"order-1","machine":"order","version":3,"wal_offset":5,)"
      R"("from_state":"new","to_state":"paid","event":"PAY",)"
      R"("payload":{"by":"card"})");
  EXPECT_EQ(held.full.text, std::string(held.lean.text) + R"(,"ctx":{"n":1})");
  pending.pop(1);
  EXPECT_EQ(pending.offset(0), 6u);
  pending.pop(1);
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(pending.bytes(), 0u);
}

TEST(ChangeList, WhatHasGoneIsDroppedThoughSomethingIsAlwaysOnItsWay) {
  ChangeList pending;
  const std::string context = R"({"x":")" + std::string(10'000, 'x') + "\"}";
  for (uint64_t offset = 1; offset <= 10'000; ++offset) {
    pending.add(change_at(offset, context), offset);
    if (offset <= 10) continue;
    ASSERT_EQ(pending.at(0).change.offset, offset - 10);
    ASSERT_TRUE(pending.at(0).full.text.ends_with("x\"}"));
    pending.pop(1);
    ASSERT_LE(pending.bytes(), 400'000u);
  }
}

TEST(ChangeList, CreationsAndDeletionsSayNullForWhatTheyLack) {
  ChangeList pending;
  Change creation = change_at(1, "{}");
  creation.kind = ChangeKind::kCreate;
  creation.from_state = creation.event = creation.payload = {};
  pending.add(creation, 1);
  EXPECT_EQ(
      pending.at(0).full.text,
      R"({"type":"event","instance_id":"order-1","machine":"order","version":3,"wal_offset":1,)"
      R"("from_state":null,"to_state":"paid","event":null,"payload":null,"ctx":{})");
  pending.pop(1);
  Change deletion = creation;
  deletion.kind = ChangeKind::kDelete;
  deletion.from_state = "paid";
  deletion.to_state = deletion.context = {};
  pending.add(deletion, 1);
  EXPECT_TRUE(pending.at(0).full.text.ends_with(
      R"("from_state":"paid","to_state":null,"event":null,"payload":null,"ctx":null)"));
  pending.pop(1);
  Change plain = change_at(1, "{}");
  plain.payload = {};
  pending.add(plain, 1);
  EXPECT_TRUE(pending.at(0).lean.text.ends_with(R"("payload":{})"));
}

TEST(ChangeList, FindsAnOffsetAndDropsTheNewest) {
  ChangeList list;
  for (const uint64_t offset : {3, 5, 6, 9}) list.add(change_at(offset, "{}"), offset);
  list.pop(1);
  EXPECT_EQ(list.first_from(1), 0u);
  EXPECT_EQ(list.first_from(6), 1u);
  EXPECT_EQ(list.first_from(7), 2u);
  EXPECT_EQ(list.first_from(10), 3u);
  const size_t bytes = list.bytes();
  list.add(change_at(12, R"({"n":1})"), 12);
  list.keep(3);
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.bytes(), bytes);
  EXPECT_EQ(list.at(2).change.offset, 9u);
  list.keep(0);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace rstmdb::watch
