// Random histories with a walk that begins and goes on at random places: the rows give the state as
// it was when the walk began, and what came after leads from there to the live state.
#include "engine/state_walk.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/limits.h"
#include "engine/history_test_support.h"
#include "engine/state_loader.h"

namespace rstmdb::engine {
namespace {

constexpr uint64_t kHistories = 6'000 / kSlowness;

Result<State> load(const StateFacts& facts, const std::vector<RowBlock>& blocks) {
  StateLoader loader({.hash_seed = 77}, facts);
  for (const RowBlock& block : blocks) {
    RowReader reader(block.bytes);
    uint32_t rows = 0;
    for (; !reader.at_end(); ++rows) {
      RSTMDB_ASSIGN(const Row row, reader.next());
      RSTMDB_TRY(loader.add(row));
    }
    EXPECT_EQ(rows, block.rows);
  }
  return loader.finish();
}

void take(StateWalk& walk, std::vector<RowBlock>& blocks) {
  for (RowBlock& block : walk.take_blocks()) blocks.push_back(std::move(block));
}

/// What two equal states show besides their hashes: the order of lists and of keys, and the sets.
void expect_same(const State& a, const State& b) {
  ASSERT_EQ(a.hash(), b.hash());
  ASSERT_EQ(a.hash_by_walk(), b.hash());
  ASSERT_EQ(a.instances().size(), b.instances().size());
  for (Slot slot = 0; slot < a.instances().size(); ++slot) {
    ASSERT_EQ(a.instances().at(slot).id(), b.instances().at(slot).id());
    ASSERT_EQ(b.instances().find(a.instances().at(slot).id()), slot);
    ASSERT_EQ(a.live().contains(slot), b.live().contains(slot));
  }
  ASSERT_EQ(a.keys().count(), b.keys().count());
  ASSERT_EQ(a.keys().bytes(), b.keys().bytes());
  for (uint64_t i = 0; i < a.keys().count(); ++i) {
    ASSERT_EQ(a.keys().row(a.keys().first_sequence() + i).scope,
              b.keys().row(b.keys().first_sequence() + i).scope);
  }
  ASSERT_EQ(a.machines().definition_count(), b.machines().definition_count());
  for (DefinitionIndex i = 0; i < a.machines().definition_count(); ++i) {
    ASSERT_EQ(a.machines().at(i).counts, b.machines().at(i).counts);
  }
  ASSERT_EQ(a.machines().by_name().size(), b.machines().by_name().size());
  for (const auto& [name, machine] : a.machines().by_name()) {
    const Machine* other = b.machines().find(name);
    ASSERT_NE(other, nullptr);
    ASSERT_EQ(machine->versions, other->versions);
    ASSERT_EQ(machine->members.count(), other->members.count());
    for (const StateGroup& group : machine->groups) {
      ASSERT_NE(other->find_group(group.state), nullptr);
      ASSERT_EQ(group.members.count(), other->find_group(group.state)->members.count());
    }
  }
}

void replay(State& state, const std::vector<std::string>& units) {
  ChainHash chain;
  for (const std::string& unit : units) {
    RecordReader reader(unit, chain);
    while (!reader.at_end()) {
      const auto record = reader.next();
      ASSERT_TRUE(record.ok()) << record.error().to_string();
      if (record->offset > state.last_offset()) state.apply(*record);
    }
  }
}

struct Counts {
  size_t walks = 0;
  size_t overtaken = 0;
  size_t rows = 0;
};

/// A history with walks, one after the other; each is loaded once it is done.
void walk_through(uint64_t seed, Counts& counts) {
  RandomHistory history(seed);
  std::mt19937_64 random(seed ^ 0x9e37);
  std::unique_ptr<StateWalk> walk;
  std::vector<RowBlock> blocks;
  size_t units_before = 0;
  std::optional<State> loaded;
  const auto end_walk = [&] {
    if (walk->overtaken()) {
      ++counts.overtaken;
      walk.reset();
      blocks.clear();
      return;
    }
    while (!walk->done()) walk->advance(1 + random() % 4, 1 + random() % 400);
    take(*walk, blocks);
    ASSERT_EQ(walk->pending_bytes(), 0u);
    auto state = load(walk->facts(), blocks);
    ASSERT_TRUE(state.ok()) << state.error().to_string();
    ASSERT_EQ(state->hash(), units_before == 0 ? State({.hash_seed = 1}).hash()
                                               : history.hashes()[units_before - 1]);
    for (const RowBlock& block : blocks) counts.rows += block.rows;
    loaded = std::move(*state);
    walk.reset();
    blocks.clear();
    ++counts.walks;
  };
  history.between = [&] {
    if (!walk && random() % 6 == 0) {
      walk = std::make_unique<StateWalk>(history.state());
      units_before = history.units().size();
    }
    if (!walk) return;
    walk->advance(random() % 3, 1 + random() % 300);
    take(*walk, blocks);
    if (walk->overtaken() || random() % 12 == 0) end_walk();
  };
  history.run();
  if (walk) end_walk();
  if (::testing::Test::HasFatalFailure() || !loaded) return;
  replay(*loaded, history.units());
  expect_same(*loaded, history.state());
}

TEST(StateWalk, shows_the_state_of_its_beginning_whatever_writers_do) {
  Counts counts;
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    walk_through(seed, counts);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
  std::printf("%zu walks of %zu rows loaded and led on to the live state, %zu overtaken\n",
              counts.walks, counts.rows, counts.overtaken);
  EXPECT_GT(counts.walks, kHistories);
  EXPECT_GT(counts.overtaken, kHistories / 20);
}

/// A history's rows and what they should add up to.
struct Rows {
  StateFacts facts;
  std::vector<RowBlock> blocks;
};
Rows rows_of(State& state) {
  Rows rows;
  StateWalk walk(state);
  while (!walk.done()) walk.advance(100, 1 << 20);
  rows.facts = walk.facts();
  take(walk, rows.blocks);
  return rows;
}

TEST(StateWalk, a_block_is_cut_once_it_is_full) {
  State state({.hash_seed = 1});
  ChainHash chain;
  Record put;
  put.kind = RecordKind::kPutMachine;
  put.offset = 1;
  put.machine = "m";
  put.version = 1;
  put.context = R"({"initial":"a","states":["a"],"transitions":[]})";
  state.apply(put);
  const std::string context = R"({"t":")" + std::string(50'000, 'x') + R"("})";
  for (uint64_t i = 0; i < 14; ++i) {
    const std::string id = "i" + std::to_string(i);
    Record create;
    create.kind = RecordKind::kCreateInstance;
    create.offset = 2 + i;
    create.machine = "m";
    create.version = 1;
    create.to_state = "a";
    create.instance_id = id;
    create.context = context;
    state.apply(create);
  }
  const Rows rows = rows_of(state);
  ASSERT_EQ(rows.blocks.size(), 3u);
  EXPECT_EQ(rows.blocks[0].rows, 7u) << "the definition and six instances";
  EXPECT_GE(rows.blocks[0].bytes.size(), limits::kSnapshotBlockBytes);
  EXPECT_LT(rows.blocks[0].bytes.size(), limits::kSnapshotBlockBytes + 60'000);
  EXPECT_EQ(rows.blocks[2].rows, 2u);
  EXPECT_TRUE(load(rows.facts, rows.blocks).ok());
}

/// Whatever is wrong with the rows, loading refuses and does not abort.
TEST(StateLoader, refuses_rows_that_were_changed_lost_or_doubled) {
  size_t refused = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomHistory history(seed);
    history.run();
    Rows rows = rows_of(history.state());
    if (rows.blocks.empty()) continue;
    ASSERT_TRUE(load(rows.facts, rows.blocks).ok());
    std::string& bytes = rows.blocks[0].bytes;
    const std::string good = bytes;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 50; ++i) {
      bytes = good;
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          bytes += good;
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random()));
      }
      RowReader reader(bytes);
      StateLoader loader({.hash_seed = 5}, rows.facts);
      bool ok = true;
      while (ok && !reader.at_end()) {
        const auto row = reader.next();
        ok = row.ok() && loader.add(*row).ok();
      }
      if (ok) ok = loader.finish().ok();
      // A flipped bit of a slot or of a definition's index that swaps nothing is caught by its
      // place; the hash catches the rest.
      EXPECT_FALSE(ok) << "seed " << seed << " try " << i;
      ++refused;
    }
  }
  EXPECT_GT(refused, 5000u);
}

}  // namespace
}  // namespace rstmdb::engine
