// The checker is given histories by hand: a right one passes, and each wrong one breaks the rule
// that is named for it.
#include "crash/checker.h"

#include <gtest/gtest.h>

namespace rstmdb::crash {
namespace {

constexpr int64_t kTime = 1'700'000'000'000;

/// A client and a log, written by hand.
class History : public testing::Test {
 protected:
  std::string tagged() const { return "{\"t\":" + std::to_string(checker.next_tag()) + "}"; }

  uint64_t put(const std::string& machine) {
    return checker.add({.kind = Kind::kPut, .machine = machine});
  }
  uint64_t create(const std::string& id, const std::string& key = "") {
    return checker.add(
        {.kind = Kind::kCreate, .machine = "m", .instance_id = id, .body = tagged(), .key = key});
  }
  uint64_t apply(const std::string& id, const std::string& key = "") {
    return checker.add(
        {.kind = Kind::kApply, .instance_id = id, .event = "next", .body = tagged(), .key = key});
  }
  uint64_t remove(const std::string& id) {
    return checker.add({.kind = Kind::kRemove, .instance_id = id});
  }

  static WriteAnswer created(uint64_t offset, const std::string& id) {
    return {.offset = offset, .instance_id = id, .to_state = "a"};
  }
  static WriteAnswer applied(uint64_t offset, uint64_t tag, const std::string& from,
                             const std::string& to) {
    return {.offset = offset,
            .applied = true,
            .from_state = from,
            .to_state = to,
            .context = "{\"t\":" + std::to_string(tag) + "}"};
  }

  LogRecord record(uint64_t offset, Kind kind, uint64_t tag, const std::string& id) const {
    LogRecord made{.offset = offset, .ts = kTime + static_cast<int64_t>(offset), .kind = kind};
    made.tag = kind == Kind::kRemove ? 0 : tag;
    made.hash = offset * 1000 + tag;
    made.instance_id = id;
    if (kind == Kind::kCreate || kind == Kind::kApply) {
      made.body = made.context = "{\"t\":" + std::to_string(tag) + "}";
    }
    return made;
  }
  LogRecord put_record(uint64_t offset, uint64_t tag) const {
    LogRecord made = record(offset, Kind::kPut, tag, "");
    made.machine = "m";
    return made;
  }
  LogRecord create_record(uint64_t offset, uint64_t tag, const std::string& id) const {
    LogRecord made = record(offset, Kind::kCreate, tag, id);
    made.machine = "m";
    made.to_state = "a";
    return made;
  }
  LogRecord apply_record(uint64_t offset, uint64_t tag, const std::string& id,
                         const std::string& from, const std::string& to) const {
    LogRecord made = record(offset, Kind::kApply, tag, id);
    made.event = "next";
    made.from_state = from;
    made.to_state = to;
    return made;
  }

  /// The machine m and the instance i, sent, acknowledged and in the log at 1 and 2.
  void begin() {
    const uint64_t machine = put("m");
    checker.answered(checker.sent(0, Form::kAlone, {machine}), {{.applied = true}});
    const uint64_t instance = create("i");
    checker.answered(checker.sent(0, Form::kAlone, {instance}), {created(2, "i")});
    checker.read(put_record(1, machine));
    checker.read(create_record(2, instance, "i"));
    checker.settle();
  }

  /// That nothing but `rule` is broken.
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

  Checker checker;
};

TEST_F(History, RightOnePasses) {
  begin();
  const uint64_t first = apply("i");
  const uint64_t second = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {first}), {applied(3, first, "a", "b")});
  checker.sent(0, Form::kAlone, {second});
  checker.read(apply_record(3, first, "i", "a", "b"));
  checker.read(apply_record(4, second, "i", "b", "c"));
  checker.settle();
  checker.compare({.instance_id = "i",
                   .found = true,
                   .machine = "m",
                   .state = "c",
                   .context = "{\"t\":4}",
                   .last_offset = 4,
                   .created_at = kTime + 2,
                   .updated_at = kTime + 4});
  checker.log_ends_at(4);
  expect_sound();
  EXPECT_EQ(checker.counts().unknown_found, 1u);
}

TEST_F(History, LostAcknowledgement) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {applied(3, tag, "a", "b")});
  checker.settle();
  expect_broken(Rule::kNoLostAck);
}

TEST_F(History, AcknowledgedElsewhere) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {applied(4, tag, "a", "b")});
  checker.read(apply_record(3, tag, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kNoLostAck);
}

TEST_F(History, AcknowledgedOtherwise) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {applied(3, tag, "a", "c")});
  checker.read(apply_record(3, tag, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kNoLostAck);
}

TEST_F(History, LostMachine) {
  begin();
  checker.answered(checker.sent(0, Form::kAlone, {put("other")}), {{.applied = true}});
  checker.settle();
  expect_broken(Rule::kNoLostAck);
}

TEST_F(History, PhantomOfNobody) {
  begin();
  checker.read(apply_record(3, 99, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kNoPhantom);
}

TEST_F(History, PhantomNeverSent) {
  begin();
  checker.read(apply_record(3, apply("i"), "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kNoPhantom);
}

TEST_F(History, PhantomWithAnotherBody) {
  begin();
  const uint64_t tag = apply("i");
  checker.sent(0, Form::kAlone, {tag});
  LogRecord record = apply_record(3, tag, "i", "a", "b");
  record.body = record.context = "{\"t\":3,\"x\":1}";
  checker.read(record);
  checker.settle();
  expect_broken(Rule::kNoPhantom);
}

TEST_F(History, PhantomOfAnEarlierSession) {
  begin();
  const uint64_t tag = apply("i");
  checker.sent(0, Form::kAlone, {tag});
  checker.settle();
  EXPECT_EQ(checker.counts().unknown_absent, 1u);
  checker.read(apply_record(3, tag, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kNoPhantom);
}

TEST_F(History, Duplicate) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {applied(3, tag, "a", "b")});
  checker.read(apply_record(3, tag, "i", "a", "b"));
  checker.read(apply_record(4, tag, "i", "b", "c"));
  checker.settle();
  expect_broken(Rule::kNoDuplicate);
}

TEST_F(History, SecondEffectOfAKey) {
  begin();
  const uint64_t tag = apply("i", "k");
  const auto request = checker.sent(0, Form::kAlone, {tag});
  LogRecord record = apply_record(3, tag, "i", "a", "b");
  record.key = "k";
  checker.read(record);
  checker.settle();
  ASSERT_EQ(checker.take_repeatable().size(), 1u);
  checker.sent_again(1, request);
  record.offset = 4;
  record.ts += 1;
  record.from_state = "b";
  record.to_state = "c";
  checker.read(record);
  checker.settle();
  expect_broken(Rule::kNoDuplicate);
}

TEST_F(History, RefusedAppears) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {{.error = "CONFLICT"}});
  checker.read(apply_record(3, tag, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kRefusedAbsent);
}

TEST_F(History, RefusedAppearsLater) {
  begin();
  const uint64_t tag = apply("i");
  checker.answered(checker.sent(0, Form::kAlone, {tag}), {{.error = "GUARD_FAILED"}});
  checker.settle();
  expect_sound();
  checker.read(apply_record(3, tag, "i", "a", "b"));
  expect_broken(Rule::kRefusedAbsent);
}

TEST_F(History, OffsetMissing) {
  begin();
  const uint64_t tag = apply("i");
  checker.sent(0, Form::kAlone, {tag});
  checker.read(apply_record(4, tag, "i", "a", "b"));
  checker.settle();
  expect_broken(Rule::kOffsetsDense);
}

TEST_F(History, OneConnectionReordered) {
  begin();
  const uint64_t first = apply("i");
  const uint64_t second = apply("i");
  checker.sent(0, Form::kAlone, {first});
  checker.sent(0, Form::kAlone, {second});
  checker.read(apply_record(3, second, "i", "a", "b"));
  checker.read(apply_record(4, first, "i", "b", "c"));
  checker.settle();
  expect_broken(Rule::kOrderKept);
}

TEST_F(History, OtherConnectionsMayCross) {
  begin();
  const uint64_t first = apply("i");
  const uint64_t second = apply("i");
  checker.sent(0, Form::kAlone, {first});
  checker.sent(1, Form::kAlone, {second});
  checker.read(apply_record(3, second, "i", "a", "b"));
  checker.read(apply_record(4, first, "i", "b", "c"));
  checker.settle();
  expect_sound();
}

TEST_F(History, BeforeWhatWasKnown) {
  begin();
  const uint64_t first = apply("i");
  const uint64_t second = apply("i");
  const auto request = checker.sent(0, Form::kAlone, {first});
  checker.answered(request, {applied(4, first, "b", "c")});
  checker.sent(1, Form::kAlone, {second});
  checker.read(apply_record(3, second, "i", "a", "b"));
  checker.read(apply_record(4, first, "i", "b", "c"));
  checker.settle();
  expect_broken(Rule::kOrderKept);
}

class Batches : public History {
 protected:
  void SetUp() override {
    begin();
    first = apply("i");
    second = apply("i");
    checker.sent(0, Form::kAtomic, {first, second});
  }
  LogRecord numbered(LogRecord record, uint64_t index) const {
    record.batch_index = index;
    record.batch_size = 2;
    return record;
  }
  uint64_t first = 0;
  uint64_t second = 0;
};

TEST_F(Batches, WholePasses) {
  checker.read(numbered(apply_record(3, first, "i", "a", "b"), 0));
  checker.read(numbered(apply_record(4, second, "i", "b", "c"), 1));
  checker.settle();
  expect_sound();
}

TEST_F(Batches, AbsentPasses) {
  checker.settle();
  expect_sound();
}

TEST_F(Batches, HalfAtTheEnd) {
  checker.read(numbered(apply_record(3, first, "i", "a", "b"), 0));
  checker.settle();
  expect_broken(Rule::kBatchWhole);
}

TEST_F(Batches, SecondHalfOnly) {
  checker.read(numbered(apply_record(3, second, "i", "a", "b"), 1));
  checker.settle();
  expect_broken(Rule::kBatchWhole);
}

TEST_F(Batches, Interleaved) {
  const uint64_t other = apply("i");
  checker.sent(1, Form::kAlone, {other});
  checker.read(numbered(apply_record(3, first, "i", "a", "b"), 0));
  checker.read(apply_record(4, other, "i", "b", "c"));
  checker.read(numbered(apply_record(5, second, "i", "c", "a"), 1));
  checker.settle();
  expect_broken(Rule::kBatchWhole);
}

TEST_F(Batches, NotNumbered) {
  checker.read(apply_record(3, first, "i", "a", "b"));
  checker.read(apply_record(4, second, "i", "b", "c"));
  checker.settle();
  expect_broken(Rule::kBatchWhole);
}

}  // namespace
}  // namespace rstmdb::crash
