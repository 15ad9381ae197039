// A set of instance slots, ordered, small in memory and quick to page through: a compressed bitmap.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

namespace rstmdb::engine {

using Slot = uint32_t;

/// add, remove and count cost far less than a look-up by id; next() costs the logarithm of the
/// size, rank() a step for each 65,536 slots.
class SlotSet {
 public:
  SlotSet();
  ~SlotSet();
  SlotSet(SlotSet&&) noexcept;
  SlotSet& operator=(SlotSet&&) noexcept;

  void add(Slot slot);
  void remove(Slot slot);
  bool contains(Slot slot) const;
  uint64_t count() const { return count_; }
  /// The smallest member that is at least `from`.
  std::optional<Slot> next(Slot from) const;
  /// How many members are not above `slot`.
  uint64_t rank(Slot slot) const;

 private:
  struct Bitmap;
  std::unique_ptr<Bitmap> bitmap_;
  uint64_t count_ = 0;
};

}  // namespace rstmdb::engine
