#include "engine/id_index.h"

#include <algorithm>
#include <cmath>
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

void IdIndex::reserve(uint64_t ids) {
  // Shards are not equally full: their numbers of ids scatter by the root of the mean.
  const double mean = static_cast<double>(ids) / kShards;
  const double most = mean + 3 * std::sqrt(mean);
  const auto lines = static_cast<uint32_t>(most / (kLineEntries - 1)) + 1;
  for (Shard& shard : shards_) {
    if (lines > shard.line_count) shard.resize(lines);
  }
}

void IdIndex::Shard::grow() { resize(std::max(line_count + 1, line_count + line_count / 4)); }

void IdIndex::Shard::resize(uint32_t count) {
  const uint32_t old_count = std::exchange(line_count, count);
  const std::unique_ptr<Line[]> old = std::exchange(lines, std::make_unique<Line[]>(line_count));
  for (uint32_t at = 0; at < old_count; ++at) {
    for (const Entry& entry : old[at].entries) {
      if (entry.slot != kNone) place(entry);
    }
  }
}

}  // namespace rstmdb::engine
