// The rules about state, prefixes, reads and repeated requests, by hand-made histories.
#include <gtest/gtest.h>

#include "crash/checker.h"

namespace rstmdb::crash {
namespace {

/// The machine m and the instance i are in the log; one event with the key k was sent and answered.
class KeyedEvent : public testing::Test {
 protected:
  void SetUp() override {
    const auto machine = checker.add({.kind = Kind::kPut, .machine = "m"});
    checker.sent(0, Form::kAlone, {machine});
    const auto instance = checker.add(
        {.kind = Kind::kCreate, .machine = "m", .instance_id = "i", .body = R"({"t":2,"n":7})"});
    checker.sent(0, Form::kAlone, {instance});
    const auto event = checker.add({.kind = Kind::kApply,
                                    .instance_id = "i",
                                    .event = "next",
                                    .body = R"({"t":3,"x":[1]})",
                                    .key = "k"});
    request = checker.sent(0, Form::kAlone, {event});
    checker.answered(request, {first_answer});
    read(1, {.kind = Kind::kPut, .tag = 1, .machine = "m"});
    read(2, {.kind = Kind::kCreate,
             .tag = 2,
             .machine = "m",
             .instance_id = "i",
             .to_state = "a",
             .body = R"({"t":2,"n":7})",
             .context = R"({"t":2,"n":7})"});
  }

  void read(uint64_t offset, LogRecord record) {
    record.offset = offset;
    record.ts = static_cast<int64_t>(1000 + offset);
    record.hash = offset;
    checker.read(record);
  }
  void read_event() { read(3, event_record); }

  void expect_broken(Rule rule) {
    EXPECT_GT(checker.verdict().violations(rule), 0u) << rule_name(rule);
    for (const auto& violation : checker.verdict().first_violations()) {
      EXPECT_EQ(rule_name(violation.rule), rule_name(rule)) << violation.facts;
    }
  }
  void expect_sound() {
    for (const auto& violation : checker.verdict().first_violations()) {
      ADD_FAILURE() << rule_name(violation.rule) << ": " << violation.facts;
    }
  }

  const WriteAnswer first_answer{.offset = 3,
                                 .applied = true,
                                 .from_state = "a",
                                 .to_state = "b",
                                 .context = R"({"t":3,"n":7,"x":[1]})"};
  LogRecord event_record{.kind = Kind::kApply,
                         .tag = 3,
                         .instance_id = "i",
                         .event = "next",
                         .from_state = "a",
                         .to_state = "b",
                         .body = R"({"t":3,"x":[1]})",
                         .context = R"({"t":3,"n":7,"x":[1]})",
                         .key = "k"};
  InstanceRead shown{.instance_id = "i",
                     .found = true,
                     .machine = "m",
                     .state = "b",
                     .context = R"({"t":3,"n":7,"x":[1]})",
                     .last_offset = 3,
                     .created_at = 1002,
                     .updated_at = 1003};
  Checker checker;
  Checker::RequestId request = 0;
};

TEST_F(KeyedEvent, RightStatePasses) {
  read_event();
  checker.settle();
  checker.compare(shown);
  expect_sound();
}

TEST_F(KeyedEvent, EachWrongFieldOfAnInstanceIsSeen) {
  read_event();
  checker.settle();
  uint64_t broken = 0;
  const auto expect_seen = [&](auto change) {
    InstanceRead wrong = shown;
    change(wrong);
    checker.compare(wrong);
    EXPECT_EQ(checker.verdict().violations(Rule::kStateIsFold), ++broken);
  };
  expect_seen([](InstanceRead& wrong) { wrong.found = false; });
  expect_seen([](InstanceRead& wrong) { wrong.machine = "o"; });
  expect_seen([](InstanceRead& wrong) { wrong.state = "c"; });
  expect_seen([](InstanceRead& wrong) { wrong.context = "{}"; });
  expect_seen([](InstanceRead& wrong) { wrong.last_offset = 2; });
  expect_seen([](InstanceRead& wrong) { wrong.created_at = 1; });
  expect_seen([](InstanceRead& wrong) { wrong.updated_at = 1; });
  expect_seen([](InstanceRead& wrong) { wrong.instance_id = "never"; });
}

TEST_F(KeyedEvent, DeletedInstanceIsStillThere) {
  read_event();
  checker.sent(0, Form::kAlone, {checker.add({.kind = Kind::kRemove, .instance_id = "i"})});
  read(4, {.kind = Kind::kRemove, .instance_id = "i"});
  checker.settle();
  expect_sound();
  checker.compare(shown);
  expect_broken(Rule::kStateIsFold);
}

TEST_F(KeyedEvent, ContextNotMerged) {
  event_record.context = R"({"t":3,"x":[1]})";
  read_event();
  EXPECT_GT(checker.verdict().violations(Rule::kStateIsFold), 0u);
}

TEST_F(KeyedEvent, TransitionThatTheMachineHasNot) {
  event_record.to_state = "c";
  read_event();
  EXPECT_GT(checker.verdict().violations(Rule::kDecisionsRight), 0u);
}

TEST_F(KeyedEvent, ExpectationThatDidNotHold) {
  read_event();
  checker.sent(0, Form::kAlone,
               {checker.add({.kind = Kind::kApply,
                             .instance_id = "i",
                             .event = "next",
                             .body = R"({"t":4})",
                             .expected_state = "a",
                             .expected_offset = 2})});
  read(4, {.kind = Kind::kApply,
           .tag = 4,
           .instance_id = "i",
           .event = "next",
           .from_state = "b",
           .to_state = "c",
           .body = R"({"t":4})",
           .context = R"({"t":4,"n":7,"x":[1]})"});
  expect_broken(Rule::kDecisionsRight);
  EXPECT_EQ(checker.verdict().violations(), 2u);
}

TEST_F(KeyedEvent, GuardThatDidNotHold) {
  read_event();
  checker.sent(
      0, Form::kAlone,
      {checker.add(
          {.kind = Kind::kApply, .instance_id = "i", .event = "jump", .body = R"({"t":4})"})});
  read(4, {.kind = Kind::kApply,
           .tag = 4,
           .instance_id = "i",
           .event = "jump",
           .from_state = "b",
           .to_state = "a",
           .body = R"({"t":4})",
           .context = R"({"t":4,"n":7,"x":[1]})"});
  expect_broken(Rule::kDecisionsRight);
}

TEST_F(KeyedEvent, TimeGoesBack) {
  event_record.offset = 3;
  event_record.ts = 1001;
  checker.read(event_record);
  checker.settle();
  expect_broken(Rule::kTimeForward);
}

TEST_F(KeyedEvent, PrefixChanges) {
  read_event();
  checker.settle();
  event_record.offset = 3;
  event_record.hash = 3;
  checker.read_again(event_record);
  expect_sound();
  event_record.hash = 4;
  checker.read_again(event_record);
  expect_broken(Rule::kPrefixKept);
}

TEST_F(KeyedEvent, LogIsShorterThanItWas) {
  read_event();
  checker.settle();
  checker.log_ends_at(3);
  expect_sound();
  checker.log_ends_at(2);
  expect_broken(Rule::kPrefixKept);
}

TEST_F(KeyedEvent, FirstAnswerRepeatedPasses) {
  checker.sent_again(1, request);
  WriteAnswer again = first_answer;
  again.applied = false;
  checker.answered(request, {again});
  read_event();
  checker.settle();
  expect_sound();
  EXPECT_EQ(checker.counts().repeated, 1u);
}

TEST_F(KeyedEvent, RepeatedAnswerDiffers) {
  uint64_t broken = 0;
  const auto expect_seen = [&](auto change) {
    WriteAnswer again = first_answer;
    again.applied = false;
    change(again);
    checker.sent_again(1, request);
    checker.answered(request, {again});
    EXPECT_EQ(checker.verdict().violations(Rule::kFirstAnswerKept), ++broken);
  };
  expect_seen([](WriteAnswer& again) { again.applied = true; });
  expect_seen([](WriteAnswer& again) { again.offset = 4; });
  expect_seen([](WriteAnswer& again) { again.to_state = "c"; });
  expect_seen([](WriteAnswer& again) { again.context = "{}"; });
  expect_seen([](WriteAnswer& again) { again.error = "CONFLICT"; });
  expect_seen([](WriteAnswer& again) { again.error = "INSTANCE_NOT_FOUND"; });
}

TEST_F(KeyedEvent, RepetitionAfterARemovalMayNotFindTheInstance) {
  checker.sent(0, Form::kAlone, {checker.add({.kind = Kind::kRemove, .instance_id = "i"})});
  checker.sent_again(1, request);
  checker.answered(request, {{.error = "INSTANCE_NOT_FOUND"}});
  expect_sound();
}

TEST_F(KeyedEvent, AnsweredAsRepeatedAlthoughFirst) {
  const auto tag = checker.add({.kind = Kind::kApply, .instance_id = "i", .body = R"({"t":4})"});
  const auto other = checker.sent(0, Form::kAlone, {tag});
  WriteAnswer answer = first_answer;
  answer.applied = false;
  checker.answered(other, {answer});
  expect_broken(Rule::kFirstAnswerKept);
}

TEST_F(KeyedEvent, ReadShowedWhatIsNotInTheLog) {
  checker.saw(shown);
  read_event();
  checker.settle();
  expect_sound();
  shown.last_offset = 4;
  checker.saw(shown);
  checker.settle();
  expect_broken(Rule::kReadsDurable);
  shown.last_offset = 3;
  shown.state = "c";
  checker.saw(shown);
  checker.settle();
  EXPECT_EQ(checker.verdict().violations(Rule::kReadsDurable), 2u);
}

TEST_F(KeyedEvent, ServerSaysThatItFailed) {
  const auto tag = checker.add({.kind = Kind::kApply, .instance_id = "i", .body = R"({"t":4})"});
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {{.error = "WAL_IO_ERROR"}});
  expect_broken(Rule::kServerComesBack);
}

TEST_F(KeyedEvent, AHistoryShowsTheRecordsThatTheLogStillHas) {
  read_event();
  checker.settle();
  const HistoryRead whole{
      .instance_id = "i", .found = true, .offsets = {3, 2}, .horizon = 1, .complete = true};
  checker.compare(whole);
  checker.compare(HistoryRead{
      .instance_id = "i", .found = true, .offsets = {3}, .has_more = true, .horizon = 1});
  checker.compare(HistoryRead{.instance_id = "i", .found = true, .offsets = {3}, .horizon = 3});
  checker.compare(HistoryRead{.instance_id = "i", .found = true, .horizon = 4});
  checker.compare(HistoryRead{.instance_id = "nobody"});
  EXPECT_EQ(checker.verdict().checks(Rule::kHistoryKept), 5u);
  expect_sound();
}

TEST_F(KeyedEvent, AWrongHistoryIsFound) {
  read_event();
  checker.settle();
  const HistoryRead whole{
      .instance_id = "i", .found = true, .offsets = {3, 2}, .horizon = 1, .complete = true};
  uint64_t broken = 0;
  const auto wrong = [&](auto change) {
    HistoryRead read = whole;
    change(read);
    checker.compare(read);
    EXPECT_EQ(checker.verdict().violations(Rule::kHistoryKept), ++broken);
  };
  wrong([](HistoryRead& read) { read.offsets = {3}; });
  wrong([](HistoryRead& read) { read.offsets = {3, 1}; });
  wrong([](HistoryRead& read) { read.offsets = {2, 3}; });
  wrong([](HistoryRead& read) { read.complete = false; });
  wrong([](HistoryRead& read) { read.has_more = true; });
  wrong([](HistoryRead& read) { read.found = false; });
  wrong([](HistoryRead& read) { read.horizon = 3; });
  wrong([](HistoryRead& read) { read.instance_id = "nobody"; });
  expect_broken(Rule::kHistoryKept);
}

}  // namespace
}  // namespace rstmdb::crash
