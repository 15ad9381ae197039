// Who wants to hear of a change, found without looking at those who do not.
//
// A filter is entered under keys. A key fixes some of the five fields of a change (instance,
// machine, event, state before, state after) to one name each and leaves the others open; a filter
// with several names in a field has a key for each combination. The set of fixed fields is the
// key's *mask*. To find who wants a change, one key is formed and looked up for each mask in use:
// the number of look-ups depends on how many masks there are (17 at most for each kind, because a
// filter for an instance fixes nothing else), never on how many subscriptions.
//
// A filter whose combinations exceed limits::kWatchKeysMax is entered with its longest field left
// open. It then is looked at more often than needed; whether it wants the change is always decided
// by the filter itself, which also makes colliding hashes harmless.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "watch/filter.h"

namespace rstmdb::watch {

/// Something with a filter that can stand in an index. Must stay where it is while it does.
class Indexed {
 public:
  Filter filter;
  bool entered() const { return entered_; }

 private:
  friend class Index;
  struct Place {
    uint64_t key;
    uint32_t position;  // in the key's row
  };
  bool entered_ = false;
  std::vector<Place> places_;
};

class Index {
 public:
  /// `seed` makes the keys unpredictable to clients that choose colliding names.
  explicit Index(uint64_t seed);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  void add(Indexed& indexed);
  void remove(Indexed& indexed);
  bool empty() const { return size_ == 0; }

  /// Whether anybody wants `change`.
  bool wanted(const Change& change);
  /// Appends everybody who wants `change`.
  void find(const Change& change, std::vector<Indexed*>& found);

  /// How many keys add() would enter for `filter`.
  static size_t key_count(const Filter& filter);
  /// Filters that were looked at so far, and keys that were.
  uint64_t candidates() const { return candidates_; }
  uint64_t lookups() const { return lookups_; }

 private:
  static constexpr size_t kFields = 5;
  using Mask = uint8_t;  // bit n: field n is fixed
  using Hashes = std::array<uint64_t, kFields>;
  struct Entry {
    Indexed* indexed;
    uint32_t place;  // in its places_
  };
  struct Rows;

  void enter(Indexed& indexed, ChangeKind kind);
  void use_mask(ChangeKind kind, Mask mask, int difference);
  uint64_t hash_of(size_t field, std::string_view name) const;
  uint64_t key_of(ChangeKind kind, Mask mask, const Hashes& hashes) const;
  template <class Use>
  void each_candidate(const Change& change, const Use& use);

  const uint64_t seed_;
  std::unique_ptr<Rows> rows_;
  size_t size_ = 0;
  /// For each kind: how many entries use a mask, and the masks that are used.
  std::array<std::array<uint64_t, 1u << kFields>, std::size(kChangeKinds)> uses_{};
  std::array<std::vector<Mask>, std::size(kChangeKinds)> masks_;
  uint64_t candidates_ = 0;
  uint64_t lookups_ = 0;
};

}  // namespace rstmdb::watch
