#include "watch/index.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "base/check.h"
#include "base/hash.h"
#include "base/limits.h"

namespace rstmdb::watch {
namespace {

using Names = std::vector<std::string_view>;

/// The names under which a filter is entered; a field without names is left open.
struct Fields {
  explicit Fields(const Filter& filter) {
    if (!filter.instance_id.empty()) names[0].push_back(filter.instance_id);
    names[1].assign(filter.machines.begin(), filter.machines.end());
    names[2].assign(filter.events.begin(), filter.events.end());
    names[3].assign(filter.from_states.begin(), filter.from_states.end());
    names[4].assign(filter.to_states.begin(), filter.to_states.end());
    while (combinations() > limits::kWatchKeysMax) {
      std::ranges::max_element(names, {}, &Names::size)->clear();
    }
  }
  size_t combinations() const {
    size_t product = 1;  // of at most 100 names in each of four fields
    for (const Names& field : names) product *= std::max<size_t>(field.size(), 1);
    return product;
  }
  uint8_t mask() const {
    unsigned mask = 0;
    for (size_t field = 0; field < names.size(); ++field) {
      if (!names[field].empty()) mask |= 1u << field;
    }
    return static_cast<uint8_t>(mask);
  }

  std::array<Names, 5> names;
};

/// Whether any change of `kind` can pass: a creation has neither event nor state before, a deletion
/// neither event nor state after.
bool possible(const Filter& filter, ChangeKind kind) {
  if (!filter.kinds.has(kind)) return false;
  if (kind == ChangeKind::kTransition) return true;
  if (!filter.events.empty()) return false;
  return kind == ChangeKind::kCreate ? filter.from_states.empty() : filter.to_states.empty();
}

}  // namespace

struct Index::Rows {
  boost::unordered_flat_map<uint64_t, std::vector<Entry>> by_key;
};

Index::Index(uint64_t seed) : seed_(seed), rows_(std::make_unique<Rows>()) {}
Index::~Index() = default;

uint64_t Index::hash_of(size_t field, std::string_view name) const {
  return hash64(name, seed_ + field);
}

uint64_t Index::key_of(ChangeKind kind, Mask mask, const Hashes& hashes) const {
  std::array<uint64_t, kFields + 1> parts{};
  parts[0] = static_cast<uint64_t>(kind) << 8 | mask;
  for (size_t field = 0; field < kFields; ++field) {
    if (mask & 1u << field) parts[field + 1] = hashes[field];
  }
  return hash64({reinterpret_cast<const char*>(parts.data()), sizeof parts}, seed_);
}

size_t Index::key_count(const Filter& filter) {
  const auto kinds =
      std::ranges::count_if(kChangeKinds, [&](ChangeKind kind) { return possible(filter, kind); });
  return Fields(filter).combinations() * static_cast<size_t>(kinds);
}

void Index::add(Indexed& indexed) {
  RSTMDB_CHECK(!indexed.entered_, "a filter is entered once");
  for (const ChangeKind kind : kChangeKinds) {
    if (possible(indexed.filter, kind)) enter(indexed, kind);
  }
  indexed.entered_ = true;
  ++size_;
}

void Index::enter(Indexed& indexed, ChangeKind kind) {
  const Fields fields(indexed.filter);
  const Mask mask = fields.mask();
  std::array<size_t, kFields> chosen{};
  for (size_t left = fields.combinations(); left > 0; --left) {
    Hashes hashes{};
    for (size_t field = 0; field < kFields; ++field) {
      const Names& names = fields.names[field];
      if (!names.empty()) hashes[field] = hash_of(field, names[chosen[field]]);
    }
    const uint64_t key = key_of(kind, mask, hashes);
    std::vector<Entry>& row = rows_->by_key[key];
    row.push_back({&indexed, static_cast<uint32_t>(indexed.places_.size())});
    indexed.places_.push_back({key, static_cast<uint32_t>(row.size() - 1)});
    // The next combination, as the wheels of a counter turn.
    for (size_t field = 0; field < kFields; ++field) {
      if (++chosen[field] < fields.names[field].size()) break;
      chosen[field] = 0;
    }
  }
  use_mask(kind, mask, 1);
}

void Index::remove(Indexed& indexed) {
  RSTMDB_CHECK(indexed.entered_, "only what was entered is removed");
  for (const Indexed::Place& place : indexed.places_) {
    const auto found = rows_->by_key.find(place.key);
    std::vector<Entry>& row = found->second;
    const Entry last = row.back();
    row[place.position] = last;
    last.indexed->places_[last.place].position = place.position;
    row.pop_back();
    if (row.empty()) rows_->by_key.erase(found);
  }
  indexed.places_ = {};
  indexed.entered_ = false;
  const Mask mask = Fields(indexed.filter).mask();
  for (const ChangeKind kind : kChangeKinds) {
    if (possible(indexed.filter, kind)) use_mask(kind, mask, -1);
  }
  --size_;
}

void Index::use_mask(ChangeKind kind, Mask mask, int difference) {
  const auto row = static_cast<size_t>(kind);
  uint64_t& uses = uses_[row][mask];
  const bool before = uses != 0;
  uses += static_cast<uint64_t>(static_cast<int64_t>(difference));
  if (!before) masks_[row].push_back(mask);
  if (uses == 0) std::erase(masks_[row], mask);
}

template <class Use>
void Index::each_candidate(const Change& change, const Use& use) {
  const std::vector<Mask>& masks = masks_[static_cast<size_t>(change.kind)];
  if (masks.empty()) return;
  unsigned fixed = 0;
  for (const Mask mask : masks) fixed |= mask;
  const std::array<std::string_view, kFields> names = {
      change.instance_id, change.machine, change.event, change.from_state, change.to_state};
  Hashes hashes{};
  for (size_t field = 0; field < kFields; ++field) {
    if (fixed & 1u << field) hashes[field] = hash_of(field, names[field]);
  }
  for (const Mask mask : masks) {
    ++lookups_;
    const auto found = rows_->by_key.find(key_of(change.kind, mask, hashes));
    if (found == rows_->by_key.end()) continue;
    for (const Entry& entry : found->second) {
      ++candidates_;
      if (entry.indexed->filter.matches(change) && use(*entry.indexed)) return;
    }
  }
}

bool Index::wanted(const Change& change) {
  bool anybody = false;
  each_candidate(change, [&](Indexed&) { return anybody = true; });
  return anybody;
}

void Index::find(const Change& change, std::vector<Indexed*>& found) {
  each_candidate(change, [&](Indexed& indexed) {
    found.push_back(&indexed);
    return false;
  });
}

}  // namespace rstmdb::watch
