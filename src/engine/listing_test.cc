#include "engine/listing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace rstmdb::engine {
namespace {

/// Three machines, all with the states a and b, and an instance of one after the other.
class Listing : public testing::Test {
 protected:
  Listing() {
    for (const char* machine : {"k", "l", "m"}) {
      Record put = next(RecordKind::kPutMachine);
      put.machine = machine;
      put.context = R"({"initial":"a","states":["a","b"],"transitions":[]})";
      state_.apply(put);
    }
  }
  Record next(RecordKind kind) {
    Record record;
    record.kind = kind;
    record.version = 1;
    record.offset = state_.last_offset() + 1;
    return record;
  }
  void create(int number) {
    const std::string id = std::to_string(number);
    Record record = next(RecordKind::kCreateInstance);
    record.instance_id = id;
    record.machine = number % 3 == 0 ? "k" : number % 3 == 1 ? "l" : "m";
    record.to_state = number % 5 == 0 ? "b" : "a";
    record.context = "{}";
    state_.apply(record);
  }
  void remove(int number) {
    const std::string id = std::to_string(number);
    Record record = next(RecordKind::kDeleteInstance);
    record.instance_id = id;
    state_.apply(record);
  }

  State state_{{.hash_seed = 1}};
};

TEST_F(Listing, AnOffsetLeadsWhereAWalkOfSoManyLeads) {
  constexpr int kInstances = 500;
  for (int i = 0; i < kInstances; ++i) create(i);
  for (int i = 0; i < kInstances; i += 7) remove(i);
  for (const char* machine : {"", "l"}) {
    for (const char* state : {"", "a", "b"}) {
      const ListQuery all{.machine = machine, .state = state, .limit = kInstances};
      const std::vector<Slot> slots = list_instances(state_, all).slots;
      for (const Slot from : {Slot{0}, Slot{1}, Slot{250}, Slot{499}, Slot{500}, UINT32_MAX}) {
        const auto first = std::ranges::lower_bound(slots, from);
        for (size_t offset = 0; offset <= slots.size() + 1; ++offset) {
          const Page page = list_instances(
              state_,
              {.machine = machine, .state = state, .limit = 1, .from = from, .offset = offset});
          EXPECT_EQ(page.total, slots.size());
          const auto left = static_cast<size_t>(slots.end() - first);
          ASSERT_EQ(page.slots.size(), offset < left ? 1u : 0u) << from << ' ' << offset;
          if (offset < left) {
            ASSERT_EQ(page.slots.front(), first[static_cast<int>(offset)]);
          }
          ASSERT_EQ(page.next.has_value(), offset + 1 < left) << from << ' ' << offset;
        }
      }
    }
  }
}

// Step by step it took some 30 ms, and with millions of instances it takes seconds.
TEST_F(Listing, APageFarBehindCostsNoMoreThanOthers) {
  constexpr int kInstances = 300'000;
  for (int i = 0; i < kInstances; ++i) create(i);
  auto least = std::chrono::steady_clock::duration::max();
  for (int tries = 0; tries < 10; ++tries) {
    const auto began = std::chrono::steady_clock::now();
    const Page page =
        list_instances(state_, {.machine = "", .state = "a", .limit = 10, .offset = 239'995});
    least = std::min(least, std::chrono::steady_clock::now() - began);
    ASSERT_EQ(page.slots.size(), 5u);
  }
  EXPECT_LT(least, std::chrono::milliseconds(5));
}

}  // namespace
}  // namespace rstmdb::engine
