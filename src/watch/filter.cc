#include "watch/filter.h"

#include <algorithm>

namespace rstmdb::watch {
namespace {

bool passes(const std::vector<std::string>& wanted, std::string_view name) {
  return wanted.empty() || std::ranges::binary_search(wanted, name);
}

size_t bytes_of(const std::vector<std::string>& names) {
  size_t bytes = 0;
  for (const std::string& name : names) bytes += sizeof name + name.size();
  return bytes;
}

}  // namespace

void Filter::normalise() {
  for (auto* names : {&machines, &events, &from_states, &to_states}) {
    std::ranges::sort(*names);
    const auto repeated = std::ranges::unique(*names);
    names->erase(repeated.begin(), repeated.end());
    names->shrink_to_fit();
  }
}

bool Filter::matches(const Change& change) const {
  return kinds.has(change.kind) && (instance_id.empty() || instance_id == change.instance_id) &&
         passes(machines, change.machine) && passes(events, change.event) &&
         passes(from_states, change.from_state) && passes(to_states, change.to_state);
}

size_t Filter::bytes() const {
  return instance_id.size() + bytes_of(machines) + bytes_of(events) + bytes_of(from_states) +
         bytes_of(to_states);
}

}  // namespace rstmdb::watch
