#include "engine/machines.h"

#include <gtest/gtest.h>

#include <set>

namespace rstmdb::engine {
namespace {

Definition with_states(const std::vector<std::string>& states) {
  std::string text = R"({"states":[)";
  for (size_t i = 0; i < states.size(); ++i) text += (i == 0 ? "\"" : ",\"") + states[i] + '"';
  text += R"(],"initial":")" + states.front() + R"(","transitions":[]})";
  json::Document document;
  EXPECT_TRUE(document.parse(text).ok());
  return Definition::parse(document.root()).value();
}

// The names of the groups were once looked up through views that a growing list had moved away.
TEST(Machines, VersionsShareTheGroupsOfStatesWithTheSameName) {
  Machines machines;
  machines.add("m", 1, with_states({"s0", "s1", "s2"}));
  std::vector<std::string> more;
  for (int i = 0; i < 100; ++i) more.push_back("n" + std::to_string(i));
  more.insert(more.end(), {"s0", "s1", "s2"});
  const DefinitionIndex second = machines.add("m", 2, with_states(more));

  const Machine* machine = machines.find("m");
  std::set<std::string> names;
  for (const StateGroup& group : machine->groups) names.insert(group.state);
  EXPECT_EQ(names.size(), machine->groups.size());
  EXPECT_EQ(machine->groups.size(), 103u);
  const StoredDefinition& stored = machines.at(second);
  for (StateIndex state = 0; state < more.size(); ++state) {
    EXPECT_EQ(stored.group(state).state, more[state]);
  }
}

TEST(Machines, EachNameAndVersionIsFoundAndNothingElse) {
  Machines machines;
  machines.add("a", 1, with_states({"x"}));
  machines.add("a", 3, with_states({"y"}));
  machines.add("b", 1, with_states({"z"}));
  EXPECT_EQ(machines.find("a", 3)->state_name(0), "y");
  EXPECT_EQ(machines.find("b", 1)->machine->name, "b");
  EXPECT_EQ(machines.find("a", 2), nullptr);
  EXPECT_EQ(machines.find("c", 1), nullptr);
  EXPECT_EQ(machines.by_name().size(), 2u);
}

}  // namespace
}  // namespace rstmdb::engine
