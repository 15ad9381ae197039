#include "engine/machines.h"

#include <algorithm>
#include <unordered_map>

namespace rstmdb::engine {

const StateGroup* Machine::find_group(std::string_view state) const {
  const auto found = std::ranges::find(groups, state, &StateGroup::state);
  return found == groups.end() ? nullptr : &*found;
}

const Machine* Machines::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

const StoredDefinition* Machines::find(std::string_view name, uint32_t version) const {
  const Machine* machine = find(name);
  if (machine == nullptr) return nullptr;
  const auto found = machine->versions.find(version);
  return found == machine->versions.end() ? nullptr : definitions_[found->second].get();
}

DefinitionIndex Machines::add(std::string_view name, uint32_t version, Definition definition) {
  auto& machine = by_name_[std::string(name)];
  if (!machine) {
    machine = std::make_unique<Machine>();
    machine->name = name;
  }
  const auto index = static_cast<DefinitionIndex>(definitions_.size());
  machine->versions.emplace(version, index);

  auto stored = std::make_unique<StoredDefinition>();
  stored->machine = machine.get();
  stored->version = version;
  stored->definition = std::move(definition);
  // Names are copied: adding a group moves the others.
  std::unordered_map<std::string, uint32_t> known;
  for (uint32_t i = 0; i < machine->groups.size(); ++i) known[machine->groups[i].state] = i;
  for (const std::string& state : stored->definition.states()) {
    const auto found = known.find(state);
    if (found != known.end()) {
      stored->groups.push_back(found->second);
      continue;
    }
    stored->groups.push_back(static_cast<uint32_t>(machine->groups.size()));
    machine->groups.push_back({state, {}});
  }
  stored->counts.resize(stored->groups.size());
  definitions_.push_back(std::move(stored));
  return index;
}

}  // namespace rstmdb::engine
