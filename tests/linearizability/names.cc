#include "linearizability/names.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "crash/history.h"
#include "crash/model.h"

namespace rstmdb::lin {

std::string instance_name(uint32_t instance) { return "i" + std::to_string(instance); }
std::string machine_name(uint32_t machine) { return "g" + std::to_string(machine % kMachines); }
std::string_view state_name(int8_t state) { return crash::kStates[static_cast<size_t>(state)]; }

uint64_t numbered(std::string_view name, char letter) {
  uint64_t number = 0;
  if (name.size() < 2 || name.front() != letter) return 0;
  const auto read = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  return read.ptr == name.data() + name.size() ? number : 0;
}

int8_t state_of(std::string_view name) {
  const auto place = std::ranges::find(crash::kStates, name) - crash::kStates;
  return place < std::ssize(crash::kStates) ? static_cast<int8_t>(place) : kNoState;
}

uint8_t event_of(std::string_view name) {
  return static_cast<uint8_t>(std::ranges::find(crash::kEvents, name) - crash::kEvents);
}

std::optional<Seen> read_seen(json::Value object) {
  Seen seen;
  for (json::Value member = object.first(); member; member = member.next()) {
    const auto group = std::ranges::find(kGroupNames, member.key()) - kGroupNames.begin();
    uint64_t* place = group < std::ssize(kGroupNames) ? &seen.group[static_cast<size_t>(group)]
                      : member.key() == "t"           ? &seen.tag
                      : member.key() == "n"           ? &seen.n
                                                      : nullptr;
    if (place == nullptr || !member.is_number()) return std::nullopt;
    *place = crash::number_of(object, member.key(), 0);
  }
  return seen;
}

}  // namespace rstmdb::lin
