// Rows that are well-formed and wrong: each is refused, and the reason says what is the matter.
#include "engine/state_loader.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "engine/state_walk.h"

namespace rstmdb::engine {
namespace {

constexpr size_t kDefinition = 0;  // places of the rows below
constexpr size_t kKey = 1;
constexpr size_t kInstance = 2;

class StateLoading : public testing::Test {
 protected:
  /// A machine, an instance of it, and the key of the event that brought it where it is.
  void SetUp() override {
    State state({.hash_seed = 1});
    Record put;
    put.kind = RecordKind::kPutMachine;
    put.offset = 1;
    put.machine = "m";
    put.version = 1;
    put.context = R"({"initial":"a","states":["a","b"],"transitions":[]})";
    state.apply(put);
    Record create;
    create.kind = RecordKind::kCreateInstance;
    create.offset = 2;
    create.machine = "m";
    create.version = 1;
    create.to_state = "a";
    create.instance_id = "i";
    create.context = "{}";
    state.apply(create);
    Record event;
    event.kind = RecordKind::kApplyEvent;
    event.offset = 3;
    event.instance_id = "i";
    event.event = "GO";
    event.from_state = "a";
    event.to_state = "b";
    event.context = "{}";
    event.key = {"key", {1, 2}, 1'000, 0};
    state.apply(event);
    StateWalk walk(state);
    while (!walk.done()) walk.advance(100, 1 << 20);
    facts_ = walk.facts();
    blocks_ = walk.take_blocks();
    for (const RowBlock& block : blocks_) {
      RowReader reader(block.bytes);
      while (!reader.at_end()) rows_.push_back(reader.next().value());
    }
    ASSERT_EQ(rows_.size(), 3u);
    ASSERT_TRUE(std::holds_alternative<DefinitionRow>(rows_[kDefinition]));
    ASSERT_TRUE(std::holds_alternative<InstanceRow>(rows_[kInstance]));
    ASSERT_TRUE(std::holds_alternative<KeyRow>(rows_[kKey]));
  }
  static Result<State> load(const std::vector<Row>& rows, const StateFacts& facts) {
    StateLoader loader({.hash_seed = 2}, facts);
    for (const Row& row : rows) RSTMDB_TRY(loader.add(row));
    return loader.finish();
  }
  static std::string reason_of(const Result<State>& refused) {
    if (refused.ok()) return "";
    EXPECT_EQ(refused.error().code(), Code::kInternalError);
    EXPECT_EQ(refused.error().detail("code"), "ROW_DAMAGED");
    return std::string(refused.error().detail("reason"));
  }
  /// Why the rows are refused after `change`; "" when they are not.
  template <class T>
  std::string changed(size_t place, const std::function<void(T& row)>& change) {
    std::vector<Row> rows = rows_;
    change(std::get<T>(rows[place]));
    return reason_of(load(rows, facts_));
  }
  std::string definition(const std::function<void(DefinitionRow& row)>& change) {
    return changed(kDefinition, change);
  }
  std::string instance(const std::function<void(InstanceRow& row)>& change) {
    return changed(kInstance, change);
  }
  std::string key(const std::function<void(KeyRow& row)>& change) { return changed(kKey, change); }
  /// The same with other facts.
  std::string announced(const std::function<void(StateFacts& facts)>& change) {
    StateFacts facts = facts_;
    change(facts);
    return reason_of(load(rows_, facts));
  }
  /// Another row behind those of its kind, announced.
  template <class T>
  std::string with_another(size_t place, const std::function<void(T& row)>& change) {
    std::vector<Row> rows = rows_;
    T row = std::get<T>(rows[place]);
    change(row);
    rows.insert(rows.begin() + static_cast<ptrdiff_t>(place) + 1, row);
    StateFacts facts = facts_;
    facts.definitions += std::is_same_v<T, DefinitionRow>;
    facts.instances += std::is_same_v<T, InstanceRow>;
    return reason_of(load(rows, facts));
  }

  StateFacts facts_;
  std::vector<RowBlock> blocks_;
  std::vector<Row> rows_;
};

TEST_F(StateLoading, takes_what_was_written) {
  const auto state = load(rows_, facts_);
  ASSERT_TRUE(state.ok()) << state.error().to_string();
  EXPECT_EQ(state->hash(), facts_.hash);
}

TEST_F(StateLoading, refuses_definitions_that_do_not_fit) {
  const std::string place = "a definition is not in its place";
  EXPECT_EQ(definition([](DefinitionRow& row) { row.index = 1; }), place);
  EXPECT_EQ(announced([](StateFacts& facts) { facts.definitions = 0; }), place);
  const std::string name = "a definition has no name of its own";
  EXPECT_EQ(definition([](DefinitionRow& row) { row.machine = ""; }), name);
  EXPECT_EQ(with_another<DefinitionRow>(kDefinition, [](DefinitionRow& row) { row.index = 1; }),
            name);
  EXPECT_EQ(definition([](DefinitionRow& row) { row.canonical = "{"; }), "a definition is no JSON");
  EXPECT_EQ(definition([](DefinitionRow& row) { row.canonical = R"({"states":[]})"; }),
            "a definition is refused");
  EXPECT_EQ(definition([](DefinitionRow& row) {
              row.canonical = R"({"states":["a","b"],"initial":"a","transitions":[]})";
            }),
            "a definition is not in its canonical form");
}

TEST_F(StateLoading, refuses_instances_that_do_not_fit) {
  const std::string slot = "an instance has a slot beyond the last one";
  EXPECT_EQ(instance([](InstanceRow& row) { row.slot = 1; }), slot);
  StateFacts many = facts_;
  many.instances = limits::kInstancesMax + 2;
  std::vector<Row> rows = rows_;
  std::get<InstanceRow>(rows[kInstance]).slot = limits::kInstancesMax;
  EXPECT_EQ(reason_of(load(rows, many)), slot) << "even when so many are announced";
  EXPECT_EQ(instance([](InstanceRow& row) { row.last_offset = 4; }),
            "an instance has changed after the snapshot");
  const std::string twice = "an instance comes twice, or another in its slot";
  EXPECT_EQ(with_another<InstanceRow>(kInstance, [](InstanceRow& row) { row.slot = 1; }), twice);
  EXPECT_EQ(with_another<InstanceRow>(kInstance, [](InstanceRow& row) { row.texts = "j{}"; }),
            twice);
  EXPECT_EQ(instance([](InstanceRow& row) { row.definition = 1; }),
            "an instance has a definition that is not there");
  EXPECT_EQ(instance([](InstanceRow& row) { row.state = 2; }),
            "an instance is in a state that its machine does not have");
}

TEST_F(StateLoading, refuses_keys_that_do_not_fit) {
  EXPECT_EQ(announced([](StateFacts& facts) { facts.keys = 0; }),
            "there are more keys than announced");
  EXPECT_EQ(key([](KeyRow& row) { row.offset = 4; }), "a key was used after the snapshot");
  EXPECT_EQ(key([](KeyRow& row) { row.definition = 1; }),
            "a key has a definition that is not there");
  const std::string state = "a key has a state that its machine does not have";
  EXPECT_EQ(key([](KeyRow& row) { row.from = 2; }), state);
  EXPECT_EQ(key([](KeyRow& row) { row.to = 2; }), state);
}

TEST_F(StateLoading, refuses_what_is_not_all_or_not_the_same) {
  EXPECT_EQ(announced([](StateFacts& facts) { facts.definitions = 2; }), "definitions are missing");
  EXPECT_EQ(announced([](StateFacts& facts) { facts.instances = 2; }), "instances are missing");
  EXPECT_EQ(announced([](StateFacts& facts) { facts.keys = 2; }), "keys are missing");
  const std::string hash = "the state's hash is another";
  EXPECT_EQ(announced([](StateFacts& facts) { facts.hash.low ^= 1; }), hash);
  EXPECT_EQ(announced([](StateFacts& facts) { facts.last_ts += 1; }), hash);
  EXPECT_EQ(instance([](InstanceRow& row) { row.state = 0; }), hash);
  EXPECT_EQ(key([](KeyRow& row) { row.expires_at += 1; }), hash);
  EXPECT_EQ(definition([](DefinitionRow& row) { row.version = 2; }), hash);
}

/// A sum that is right and a row that is not: what has gone wrong between the file and memory.
TEST_F(StateLoading, refuses_a_row_that_is_not_the_one_that_was_hashed) {
  std::vector<HashedRow> rows(rows_.begin(), rows_.end());
  std::get<InstanceRow>(rows[kInstance].row).texts = "i[]";
  StateLoader loader({.hash_seed = 2}, facts_);
  for (const HashedRow& row : rows) ASSERT_TRUE(loader.add(row).ok());
  EXPECT_EQ(reason_of(loader.finish()), "the state's hash is another");
}

}  // namespace
}  // namespace rstmdb::engine
