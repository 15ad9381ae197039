#include "engine/id_index.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rstmdb::engine {
namespace {

std::string id_of(uint32_t number) { return "id-" + std::to_string(number); }

std::optional<Slot> find(const IdIndex& index, const std::string& id) {
  return index.find(index.hash(id), [&id](Slot slot) { return id_of(slot) == id; });
}

TEST(IdIndex, EveryIdIsFoundAfterEachOfManyGrowthsAndNoOther) {
  constexpr uint32_t kIds = 300'000;
  IdIndex index(7);
  EXPECT_FALSE(find(index, id_of(0)));
  for (uint32_t i = 0; i < kIds; ++i) {
    ASSERT_FALSE(find(index, id_of(i)));
    index.add(index.hash(id_of(i)), i);
    ASSERT_EQ(find(index, id_of(i)), i);
    ASSERT_EQ(find(index, id_of(i / 2)), i / 2);
  }
  for (uint32_t i = 0; i < kIds; ++i) {
    ASSERT_EQ(find(index, id_of(i)), i);
    ASSERT_FALSE(find(index, id_of(kIds + i)));
  }
}

// Ids of one hash fill many lines from one on, past the last and on at the first.
TEST(IdIndex, IdsOfOneHashAreToldApartWhereverTheirLinesAre) {
  for (const uint64_t tag : {uint64_t{0}, uint64_t{1} << 31, uint64_t{UINT32_MAX}}) {
    IdIndex index(7);
    const uint64_t hash = tag << 32 | 5;
    constexpr Slot kSame = 100;
    for (Slot slot = 0; slot < kSame; ++slot) {
      index.add(hash, slot);
      for (Slot each = 0; each <= slot; ++each) {
        ASSERT_EQ(index.find(hash, [each](Slot found) { return found == each; }), each);
      }
    }
    std::vector<Slot> asked;
    EXPECT_FALSE(index.find(hash, [&asked](Slot slot) {
      asked.push_back(slot);
      return false;
    }));
    EXPECT_EQ(asked.size(), kSame);
    EXPECT_TRUE(index.guess(hash).has_value());
    EXPECT_FALSE(index.guess(hash ^ uint64_t{1} << 40).has_value());
  }
}

TEST(IdIndex, RoomThatIsMadeAheadMayBeTooMuchOrTooLittle) {
  constexpr uint32_t kIds = 50'000;
  for (const uint64_t reserved : {uint64_t{1}, uint64_t{kIds}, uint64_t{10} * kIds}) {
    IdIndex index(7);
    index.reserve(reserved);
    EXPECT_FALSE(find(index, id_of(0)));
    for (uint32_t i = 0; i < kIds; ++i) index.add(index.hash(id_of(i)), i);
    for (uint32_t i = 0; i < kIds; ++i) {
      ASSERT_EQ(find(index, id_of(i)), i);
      ASSERT_FALSE(find(index, id_of(kIds + i)));
    }
  }
}

}  // namespace
}  // namespace rstmdb::engine
