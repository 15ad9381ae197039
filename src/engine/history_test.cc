// Random histories by seed: the state folded live equals the one replayed from the log's bytes,
// from zero and in two halves, and its incremental hash equals the one computed by a walk.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "engine/history_test_support.h"
#include "engine/listing.h"

namespace rstmdb::engine {
namespace {

constexpr uint64_t kHistories = 10'000 / kSlowness;

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

/// What is counted for each version and state is what a look at all instances finds.
void check_counts(const State& state) {
  std::map<std::pair<DefinitionIndex, StateIndex>, uint32_t> expected;
  for (Slot slot = 0; slot < state.instances().size(); ++slot) {
    const Instance& instance = state.instances().at(slot);
    if (!instance.deleted()) ++expected[{instance.definition, instance.state}];
  }
  for (DefinitionIndex i = 0; i < state.machines().definition_count(); ++i) {
    const StoredDefinition& stored = state.machines().at(i);
    for (StateIndex s = 0; s < stored.definition.states().size(); ++s) {
      ASSERT_EQ(stored.counts[s], (expected[{i, s}])) << stored.state_name(s);
    }
  }
}

/// Every record says which record of its instance stands before it.
class Links {
 public:
  void take(const Record& record) {
    switch (record.kind) {
      case RecordKind::kCreateInstance:
        EXPECT_EQ(record.previous_of_instance, 0u);
        break;
      case RecordKind::kApplyEvent:
      case RecordKind::kDeleteInstance:
        EXPECT_EQ(record.previous_of_instance, last_.at(std::string(record.instance_id)));
        break;
      case RecordKind::kFlushAll:
        last_.clear();
        return;
      case RecordKind::kPutMachine:
      case RecordKind::kSnapshotInstance:
        return;
    }
    last_[std::string(record.instance_id)] = record.offset;
  }

 private:
  std::map<std::string, uint64_t> last_;
};

void check(RandomHistory& history) {
  State& state = history.state();
  const auto& units = history.units();
  const auto& hashes = history.hashes();
  ASSERT_EQ(state.hash(), state.hash_by_walk());
  const size_t half = units.size() / 2;
  State again({.hash_seed = 999});
  ChainHash chain;
  Links links;
  for (size_t i = 0; i < units.size(); ++i) {
    if (i == half) {
      // The second half goes on where a replay of the first half stopped.
      ASSERT_EQ(again.hash(), i == 0 ? State({.hash_seed = 1}).hash() : hashes[i - 1]);
    }
    RecordReader reader(units[i], chain);
    while (!reader.at_end()) {
      const auto record = reader.next();
      ASSERT_TRUE(record.ok()) << record.error().to_string();
      links.take(*record);
      again.apply(*record);
    }
  }
  ASSERT_EQ(again.hash(), state.hash());
  ASSERT_EQ(again.hash_by_walk(), state.hash());
  ASSERT_EQ(again.live().count(), state.live().count());
  check_listing(state);
  check_counts(state);
  check_counts(again);
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
