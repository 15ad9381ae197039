// Few members are compared pair by pair through a word made of each key's size and ends; many are
// sorted by hash, then key, then place. A hash table was left out: its seed would have to be secret
// to keep hostile keys from making it quadratic.
#include "json/repeats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "json/words.h"

namespace rstmdb::json {
namespace {

constexpr uint32_t kPairwiseMax = 24;

/// Equal for equal keys, and hardly ever for others. Reads up to kTextSlack bytes behind the key.
uint64_t key_word(const char* key, uint32_t size) {
  const uint64_t spread = uint64_t{size} * 0x9e3779b97f4a7c15u;
  if (size == 0) return spread;
  if (size >= 8) return load_word(key) ^ std::rotl(load_word(key + size - 8), 29) ^ spread;
  const unsigned unused_bits = 64 - 8 * size;
  return (load_word(key) << unused_bits) ^ spread;
}

/// Joins two members of the same key; `first` may already stand for later ones.
void join(Tape& tape, uint32_t first, uint32_t later) {
  tape.nodes[first].repeat = Repeat::kReplaced;
  tape.nodes[first].aux = later;
  tape.nodes[later].repeat = Repeat::kDropped;
}

bool mark_few(Tape& tape, uint32_t object, uint32_t count) {
  std::array<uint64_t, kPairwiseMax> words;
  std::array<uint32_t, kPairwiseMax> places;
  bool found = false;
  uint32_t place = object + 1;
  for (uint32_t i = 0; i < count; ++i, place = tape.nodes[place].after) {
    const Node& node = tape.nodes[place];
    words[i] = key_word(tape.text.data() + node.begin - 2 - node.key_size, node.key_size);
    places[i] = place;
    for (uint32_t j = 0; j < i; ++j) {
      if (words[j] != words[i]) continue;
      if (tape.raw_key(tape.nodes[places[j]]) != tape.raw_key(node)) continue;
      join(tape, places[j], place);
      found = true;
      break;
    }
  }
  return found;
}

struct Member {
  size_t hash;
  std::string_view key;
  uint32_t place;
};

bool mark_many(Tape& tape, uint32_t object, uint32_t count) {
  std::vector<Member> members;
  members.reserve(count);
  for (uint32_t place = object + 1; members.size() < count; place = tape.nodes[place].after) {
    const std::string_view key = tape.raw_key(tape.nodes[place]);
    members.push_back({std::hash<std::string_view>()(key), key, place});
  }
  std::ranges::sort(members, [](const Member& a, const Member& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    if (const int order = a.key.compare(b.key)) return order < 0;
    return a.place < b.place;
  });
  bool found = false;
  for (size_t first = 0, i = 1; i < members.size(); ++i) {
    if (members[i].hash == members[first].hash && members[i].key == members[first].key) {
      join(tape, members[first].place, members[i].place);
      found = true;
    } else {
      first = i;
    }
  }
  return found;
}

}  // namespace

bool mark_repeats(Tape& tape, uint32_t object) {
  const uint32_t count = tape.nodes[object].aux;
  if (count < 2) return false;
  return count <= kPairwiseMax ? mark_few(tape, object, count) : mark_many(tape, object, count);
}

}  // namespace rstmdb::json
