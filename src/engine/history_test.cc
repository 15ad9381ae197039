// Random histories by seed: the state folded live equals the one replayed from the log's bytes,
// from zero and in two halves, and its incremental hash equals the one computed by a walk.
#include <gtest/gtest.h>

#include "engine/history_test_support.h"
#include "engine/listing.h"

namespace rstmdb::engine {
namespace {

constexpr uint64_t kHistories = 10'000;

/// Paging by cursor through everything shows each live instance once, in order of creation.
void check_listing(const State& state) {
  std::vector<Slot> seen;
  ListQuery query;
  query.limit = 3;
  while (true) {
    const Page page = list_instances(state, query);
    seen.insert(seen.end(), page.slots.begin(), page.slots.end());
    if (!page.next) break;
    query.from = *page.next;
  }
  std::vector<Slot> expected;
  for (Slot slot = 0; slot < state.instances().size(); ++slot) {
    if (!state.instances().at(slot).deleted()) expected.push_back(slot);
  }
  ASSERT_EQ(seen, expected);
}

void check(RandomHistory& history) {
  State& state = history.state();
  const auto& units = history.units();
  const auto& hashes = history.hashes();
  ASSERT_EQ(state.hash(), state.hash_by_walk());
  const size_t half = units.size() / 2;
  State again({.hash_seed = 999});
  ChainHash chain;
  for (size_t i = 0; i < units.size(); ++i) {
    if (i == half) {
      // The second half goes on where a replay of the first half stopped.
      ASSERT_EQ(again.hash(), i == 0 ? State({.hash_seed = 1}).hash() : hashes[i - 1]);
    }
    RecordReader reader(units[i], chain);
    while (!reader.at_end()) {
      const auto record = reader.next();
      ASSERT_TRUE(record.ok()) << record.error().to_string();
      again.apply(*record);
    }
  }
  ASSERT_EQ(again.hash(), state.hash());
  ASSERT_EQ(again.hash_by_walk(), state.hash());
  ASSERT_EQ(again.live().count(), state.live().count());
  check_listing(state);
}

TEST(History, ReplayEqualsLive) {
  size_t records = 0;
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    RandomHistory history(seed);
    history.run();
    check(history);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    records += history.records();
  }
  std::printf("%llu histories, %zu records: replayed from zero and in two halves\n",
              static_cast<unsigned long long>(kHistories), records);
  EXPECT_GT(records, kHistories * 10);
}

}  // namespace
}  // namespace rstmdb::engine
