// What fits a state can be folded; what contradicts it is named and not folded.
#include "engine/fit.h"

#include <gtest/gtest.h>

namespace rstmdb::engine {
namespace {

constexpr std::string_view kDefinition =
    R"({"initial":"a","states":["a","b"],"transitions":[{"event":"E","from":["a"],"to":"b"}]})";

class FitTest : public testing::Test {
 protected:
  FitTest() {
    put(1);
    record = next(RecordKind::kCreateInstance);
    record.to_state = "a";
    fold();
  }

  Record next(RecordKind kind) const {
    Record made;
    made.kind = kind;
    made.offset = state.last_offset() + 1;
    made.ts = state.last_ts() + 1;
    made.machine = "m";
    made.version = 1;
    made.instance_id = "i";
    made.context = "{}";
    return made;
  }

  void put(uint32_t version) {
    record = next(RecordKind::kPutMachine);
    record.version = version;
    record.context = kDefinition;
    fold();
  }

  void fold() {
    const auto fit = fits(state, record);
    ASSERT_TRUE(fit.ok()) << fit.error().to_string();
    state.apply(record);
  }

  void expect_misfit(std::string_view reason) {
    const auto fit = fits(state, record);
    ASSERT_FALSE(fit.ok());
    EXPECT_EQ(fit.error().detail("code"), "RECORD_DAMAGED");
    EXPECT_EQ(fit.error().detail("reason"), reason);
    EXPECT_EQ(fit.error().detail_number("offset", 0), static_cast<int64_t>(record.offset));
  }

  State state{{.hash_seed = 1}};
  Record record;
};

TEST_F(FitTest, the_place_and_the_time_of_the_record_are_asked_first) {
  record = next(RecordKind::kFlushAll);
  record.offset += 1;
  expect_misfit("another offset is due");
  record = next(RecordKind::kFlushAll);
  record.ts = state.last_ts() - 1;
  expect_misfit("its time is before the last record's");
  record.ts = state.last_ts();
  fold();
  EXPECT_EQ(state.instances().size(), 0u);
}

TEST_F(FitTest, a_definition_is_there_once_and_can_be_read) {
  record = next(RecordKind::kPutMachine);
  record.context = kDefinition;
  expect_misfit("this version of the machine is there already");
  record.version = 2;
  record.context = R"({"states":[]})";
  EXPECT_FALSE(fits(state, record).ok());
  record.context = "{";
  EXPECT_FALSE(fits(state, record).ok());
  put(2);
  EXPECT_EQ(state.machines().definition_count(), 2u);
}

TEST_F(FitTest, a_new_instance_has_a_machine_a_state_and_an_id_of_its_own) {
  record = next(RecordKind::kCreateInstance);
  record.to_state = "a";
  expect_misfit("the instance is there already");
  record.instance_id = "j";
  record.to_state = "c";
  expect_misfit("the machine has no such state");
  record.to_state = "a";
  record.version = 7;
  expect_misfit("there is no such version of the machine");
}

TEST_F(FitTest, an_event_finds_its_instance_alive_and_in_its_state) {
  record = next(RecordKind::kApplyEvent);
  record.from_state = "b";
  record.to_state = "b";
  expect_misfit("the instance is in another state");
  record.from_state = "a";
  record.to_state = "c";
  expect_misfit("the machine has no such state");
  record.to_state = "b";
  record.instance_id = "j";
  expect_misfit("there is no such instance");
  record.instance_id = "i";
  fold();
  record = next(RecordKind::kDeleteInstance);
  fold();
  record = next(RecordKind::kDeleteInstance);
  expect_misfit("the instance is deleted");
  record = next(RecordKind::kApplyEvent);
  expect_misfit("the instance is deleted");
}

TEST_F(FitTest, a_link_leads_to_the_instances_last_record) {
  const uint64_t created = state.last_offset();
  put(3);
  for (const RecordKind kind : {RecordKind::kApplyEvent, RecordKind::kDeleteInstance}) {
    record = next(kind);
    record.from_state = "a";
    record.to_state = "b";
    for (const uint64_t wrong : {created - 1, created + 1}) {
      record.previous_of_instance = wrong;
      expect_misfit("its link does not lead to the instance's last record");
    }
    record.previous_of_instance = 0;  // as releases before links have written it
    EXPECT_TRUE(fits(state, record).ok());
    record.previous_of_instance = created;
    EXPECT_TRUE(fits(state, record).ok());
  }
  fold();
}

TEST_F(FitTest, an_unknown_kind_is_no_record) {
  record = next(static_cast<RecordKind>(99));
  expect_misfit("an unknown kind");
}

}  // namespace
}  // namespace rstmdb::engine
