// Records that say where their instance is, and such that do not.
#include <gtest/gtest.h>

#include <utility>

#include "engine/decide.h"
#include "engine/state.h"

namespace rstmdb::engine {
namespace {

constexpr const char* kDefinition = R"({"states":["a","b"],"initial":"a","transitions":[
    {"from":"a","event":"E","to":"b"},{"from":"b","event":"E","to":"a"}]})";

class RecordSlot : public ::testing::Test {
 protected:
  void SetUp() override {
    json::Document document;
    ASSERT_TRUE(document.parse(kDefinition).ok());
    definition_ = Definition::parse(document.root()).value();
    PutMachine put;
    put.machine = "m";
    put.version = 1;
    put.definition = &definition_;
    ASSERT_TRUE(decider().decide(put).ok());
    commit();
    for (const char* id : {"i", "j"}) create(id);
    commit();
  }

  Decider decider() { return {bounds_, stamp_, draft_}; }
  void create(std::string_view id) {
    CreateInstance command;
    command.machine = "m";
    command.version = 1;
    command.instance_id = id;
    command.context = "{}";
    ASSERT_TRUE(decider().decide(command).ok());
  }
  const Record& event(std::string_view id) {
    ApplyEvent command;
    command.instance_id = id;
    command.event = "E";
    EXPECT_TRUE(decider().decide(command).ok());
    return draft_.records().back();
  }
  void commit() {
    for (const Record& record : draft_.records()) state_.apply(record);
    draft_.clear();
  }

  Definition definition_;
  Bounds bounds_{.machine_versions_max = 3, .key_ttl_ms = 1, .keys_max = 1, .keys_bytes_max = 99};
  Stamp stamp_;
  State state_{{.hash_seed = 3}};
  Draft draft_{state_};
};
using RecordSlotDeathTest = RecordSlot;

TEST_F(RecordSlot, DecisionsSayWhereTheyFoundTheInstance) {
  EXPECT_EQ(event("j").slot, Slot{1});
  EXPECT_EQ(event("j").slot, Slot{1});  // seen in the draft by now
  DeleteInstance command;
  command.instance_id = "i";
  ASSERT_TRUE(decider().decide(command).ok());
  EXPECT_EQ(draft_.records().back().slot, Slot{0});
  commit();
  EXPECT_EQ(state_.instances().at(1).last_offset, 5u);
  EXPECT_TRUE(state_.instances().at(0).deleted());
}

TEST_F(RecordSlot, AnInstanceOfTheSameBatchIsLookedUp) {
  create("k");
  EXPECT_FALSE(event("k").slot.has_value());
  commit();
  EXPECT_EQ(state_.instances().at(2).state, 1);
}

TEST_F(RecordSlot, TheStateIsTheSameWithoutIt) {
  State other({.hash_seed = 9});
  for (const char* id : {"i", "j"}) {
    static_cast<void>(event(id));
    commit();
  }
  // The same facts, as a restart reads them.
  Record record;
  record.kind = RecordKind::kPutMachine;
  record.offset = 1;
  record.machine = "m";
  record.version = 1;
  record.context = definition_.canonical();
  other.apply(record);
  for (const auto& [offset, id] : {std::pair(2u, "i"), {3u, "j"}}) {
    record = {};
    record.kind = RecordKind::kCreateInstance;
    record.offset = offset;
    record.machine = "m";
    record.version = 1;
    record.instance_id = id;
    record.to_state = "a";
    record.context = "{}";
    other.apply(record);
  }
  for (const auto& [offset, id] : {std::pair(4u, "i"), {5u, "j"}}) {
    record = {};
    record.kind = RecordKind::kApplyEvent;
    record.offset = offset;
    record.instance_id = id;
    record.from_state = "a";
    record.to_state = "b";
    record.context = "{}";
    other.apply(record);
  }
  EXPECT_EQ(state_.hash(), other.hash());
  EXPECT_EQ(state_.hash_by_walk(), state_.hash());
}

TEST_F(RecordSlotDeathTest, AWrongPlaceIsOurOwnMistake) {
  Record record = event("j");
  record.slot = 0;
  EXPECT_DEATH(state_.apply(record), "j");
  record.slot = 2;
  EXPECT_DEATH(state_.apply(record), "j");
}

}  // namespace
}  // namespace rstmdb::engine
