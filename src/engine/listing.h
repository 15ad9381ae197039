// Pages of instances, in order of creation, by machine and state. The cost of a page grows with the
// page; with a state but no machine, also with the number of machines.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/state.h"

namespace rstmdb::engine {

struct ListQuery {
  std::string_view machine;  // or "" for all
  std::string_view state;    // or "" for all
  uint64_t limit = 0;
  Slot from = 0;        // first slot to look at; what Page::next said
  uint64_t offset = 0;  // matches to skip from there on
};

struct Page {
  std::vector<Slot> slots;
  uint64_t total = 0;        // matches in all, before offset and limit
  std::optional<Slot> next;  // where the following page starts, if one does
};

/// An instance that matches throughout a walk by `from` appears in it exactly once, whatever else
/// changes.
Page list_instances(const State& state, const ListQuery& query);

}  // namespace rstmdb::engine
