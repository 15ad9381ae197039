#include "engine/slot_set.h"

#include <roaring/roaring.h>

#include "base/check.h"

namespace rstmdb::engine {

struct SlotSet::Bitmap {
  Bitmap() : roaring(roaring_bitmap_create()) { RSTMDB_CHECK(roaring != nullptr, "out of memory"); }
  ~Bitmap() { roaring_bitmap_free(roaring); }
  Bitmap(const Bitmap&) = delete;
  Bitmap& operator=(const Bitmap&) = delete;
  roaring_bitmap_t* roaring;
};

SlotSet::SlotSet() : bitmap_(std::make_unique<Bitmap>()) {}
SlotSet::~SlotSet() = default;
SlotSet::SlotSet(SlotSet&&) noexcept = default;
SlotSet& SlotSet::operator=(SlotSet&&) noexcept = default;

void SlotSet::add(Slot slot) {
  if (roaring_bitmap_add_checked(bitmap_->roaring, slot)) ++count_;
}

void SlotSet::remove(Slot slot) {
  if (roaring_bitmap_remove_checked(bitmap_->roaring, slot)) --count_;
}

bool SlotSet::contains(Slot slot) const { return roaring_bitmap_contains(bitmap_->roaring, slot); }

std::optional<Slot> SlotSet::next(Slot from) const {
  roaring_uint32_iterator_t iterator;
  roaring_init_iterator(bitmap_->roaring, &iterator);
  if (!roaring_move_uint32_iterator_equalorlarger(&iterator, from)) return std::nullopt;
  return iterator.current_value;
}

uint64_t SlotSet::rank(Slot slot) const { return roaring_bitmap_rank(bitmap_->roaring, slot); }

}  // namespace rstmdb::engine
