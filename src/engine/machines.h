// Machines: each name with its versions, and which instances are in which of its states.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/definition.h"
#include "engine/instances.h"
#include "engine/slot_set.h"

namespace rstmdb::engine {

/// The instances of one machine, all versions together, that are in one state.
struct StateGroup {
  std::string state;
  SlotSet members;
};

struct Machine {
  std::string name;
  std::map<uint32_t, DefinitionIndex> versions;
  std::vector<StateGroup> groups;
  SlotSet members;

  const StateGroup* find_group(std::string_view state) const;
};

/// One version of a machine, which never changes, and how many instances of it there are.
struct StoredDefinition {
  Machine* machine = nullptr;
  uint32_t version = 0;
  Definition definition;
  std::vector<uint32_t> groups;  // of each state: its index in machine->groups
  std::vector<uint32_t> counts;  // of each state: the instances of this version that are in it

  const std::string& state_name(StateIndex state) const { return definition.states()[state]; }
  StateGroup& group(StateIndex state) const { return machine->groups[groups[state]]; }
  /// An instance of this version comes into a state, or leaves it.
  void enter(StateIndex state, Slot slot) {
    group(state).members.add(slot);
    ++counts[state];
  }
  void leave(StateIndex state, Slot slot) {
    group(state).members.remove(slot);
    --counts[state];
  }
};

class Machines {
 public:
  const Machine* find(std::string_view name) const;
  /// Null when the machine or the version is not there.
  const StoredDefinition* find(std::string_view name, uint32_t version) const;
  const StoredDefinition& at(DefinitionIndex index) const { return *definitions_[index]; }
  StoredDefinition& at(DefinitionIndex index) { return *definitions_[index]; }

  DefinitionIndex add(std::string_view name, uint32_t version, Definition definition);

  /// By name.
  const std::map<std::string, std::unique_ptr<Machine>, std::less<>>& by_name() const {
    return by_name_;
  }
  size_t definition_count() const { return definitions_.size(); }

 private:
  std::map<std::string, std::unique_ptr<Machine>, std::less<>> by_name_;
  std::vector<std::unique_ptr<StoredDefinition>> definitions_;
};

}  // namespace rstmdb::engine
