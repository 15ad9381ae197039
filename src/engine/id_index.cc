#include "engine/id_index.h"

#include <algorithm>
#include <utility>

namespace rstmdb::engine {

void IdIndex::add(uint64_t hash, Slot slot) {
  Shard& shard = shards_[hash % kShards];
  if (shard.used >= shard.line_count * (kLineEntries - 1)) shard.grow();
  shard.place({.tag = static_cast<uint32_t>(hash >> 32), .slot = slot});
  ++shard.used;
}

void IdIndex::Shard::place(Entry entry) {
  for (uint32_t at = home(entry.tag);; at = behind(at)) {
    for (Entry& place : lines[at].entries) {
      if (place.slot != kNone) continue;
      place = entry;
      return;
    }
  }
}

void IdIndex::Shard::grow() {
  const uint32_t old_count = line_count;
  line_count = std::max(old_count + 1, old_count + old_count / 4);
  const std::unique_ptr<Line[]> old = std::exchange(lines, std::make_unique<Line[]>(line_count));
  for (uint32_t at = 0; at < old_count; ++at) {
    for (const Entry& entry : old[at].entries) {
      if (entry.slot != kNone) place(entry);
    }
  }
}

}  // namespace rstmdb::engine
