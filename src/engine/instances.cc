#include "engine/instances.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"
#include "engine/rows.h"

namespace rstmdb::engine {
namespace {

static_assert(sizeof(Instance) == 64, "a row is one line of the cache");

constexpr size_t kCacheLineBytes = 64;
/// Ids that are looked up at the same time: about as many misses as a processor keeps under way.
constexpr size_t kPrefetchGroup = 16;
/// Of one instance's texts; behind that the processor has seen where the reading goes.
constexpr size_t kPrefetchBytes = 512;

/// The room that is allocated for `size` bytes: what the allocator would round up to anyway, steps
/// of 16 and, from 128 on, four to each power of two. As it follows from the size alone, a row need
/// not keep it.
size_t room_for(size_t size) {
  constexpr size_t kStep = 16;
  if (size <= 8 * kStep) return (size + kStep - 1) / kStep * kStep;
  const size_t step = size_t{1} << (std::bit_width(size - 1) - 3);
  return (size + step - 1) / step * step;
}

void put(char* to, std::string_view part) {
  if (!part.empty() && part.data() != to) std::memmove(to, part.data(), part.size());
}

}  // namespace

void Instance::set_texts(std::string_view id, std::string_view context,
                         std::string_view last_event_id) {
  const size_t room = room_for(id.size() + context.size() + last_event_id.size());
  const bool fits = text_ && room == room_for(size_t{id_size_} + context_size_ + event_id_size_);
  std::unique_ptr<char[]> fresh;
  if (!fits) fresh = std::make_unique_for_overwrite<char[]>(room);
  char* text = fits ? text_.get() : fresh.get();
  put(text, id);
  // The event id before the context, which may be written over the place where it was.
  put(text + id.size() + context.size(), last_event_id);
  put(text + id.size(), context);
  if (!fits) text_ = std::move(fresh);
  id_size_ = static_cast<uint16_t>(id.size());
  context_size_ = static_cast<uint32_t>(context.size());
  event_id_size_ = static_cast<uint16_t>(last_event_id.size());
}

InstanceRow Instance::row(Slot slot) const {
  return {.slot = slot,
          .definition = definition,
          .state = state,
          .deleted = deleted_,
          .last_offset = last_offset,
          .created_at = created_at,
          .updated_at = updated_at,
          .id_size = id_size_,
          .context_size = context_size_,
          .texts = {text_.get(), size_t{id_size_} + context_size_ + event_id_size_}};
}

void Instance::seal() { hash_ = row(0).hash(); }

void Instance::prefetch_texts() const {
  const char* text = text_.get();
  const size_t size = std::min(size_t{id_size_} + context_size_ + event_id_size_, kPrefetchBytes);
  for (size_t at = 0; at < size; at += kCacheLineBytes) __builtin_prefetch(text + at);
  if (size > 0) __builtin_prefetch(text + size - 1);  // a text may begin inside a line
}

void Instances::prefetch(std::span<const std::string_view> ids) const {
  while (!ids.empty()) {
    const auto group = ids.first(std::min(ids.size(), kPrefetchGroup));
    std::array<uint64_t, kPrefetchGroup> hashes;
    std::array<const Instance*, kPrefetchGroup> rows;
    size_t found = 0;
    for (size_t i = 0; i < group.size(); ++i) {
      hashes[i] = index_.hash(group[i]);
      index_.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < group.size(); ++i) {
      const auto slot = index_.guess(hashes[i]);
      if (!slot) continue;
      rows[found] = &at(*slot);
      __builtin_prefetch(rows[found++]);
    }
    for (size_t i = 0; i < found; ++i) rows[i]->prefetch_texts();
    ids = ids.subspan(group.size());
  }
}

Slot Instances::add(std::string_view id, std::string_view context) {
  RSTMDB_CHECK(size_ < limits::kInstancesMax, "more instances than slots");
  const Slot slot = size_;
  grow(size_ + 1);
  at(slot).set_texts(id, context, {});
  index_.add(index_.hash(id), slot);
  return slot;
}

Hash128 Instances::hash_by_walk(Slot from, Slot to) const {
  Hash128 sum;
  for (Slot slot = from; slot < to; ++slot) sum += row(slot).hash();
  return sum;
}

InstanceRow Instances::row(Slot slot) const { return at(slot).row(slot); }

bool Instances::restore(const InstanceRow& row, const Hash128& hash) {
  if (row.slot < size_ && !at(row.slot).id().empty()) return false;
  const uint64_t id_hash = index_.hash(row.id());
  if (find(row.id(), id_hash)) return false;
  if (row.slot >= size_) grow(row.slot + 1);
  Instance& instance = at(row.slot);
  instance.set_texts(row.id(), row.context(), row.last_event_id());
  instance.last_offset = row.last_offset;
  instance.created_at = row.created_at;
  instance.updated_at = row.updated_at;
  instance.definition = row.definition;
  instance.state = row.state;
  if (row.deleted) instance.set_deleted();
  instance.seal_as(hash);  // of the bytes that came, not of what they have become here
  index_.add(id_hash, row.slot);
  return true;
}

void Instances::grow(uint32_t size) {
  while (chunks_.size() * size_t{kChunkRows} < size) chunks_.push_back(std::make_unique<Chunk>());
  size_ = size;
}

}  // namespace rstmdb::engine
