// Arbitrary bytes as the rows of a snapshot: reading and loading must neither crash nor give a
// state that is not the rows. Counts and hash are made to agree with the rows, so that loading goes
// on to its last check; the file around them is tested bit by bit in src/snapshot/reader_test.cc.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/rows.h"
#include "engine/state_loader.h"
#include "engine/state_walk.h"

namespace {

using namespace rstmdb;

void expect(bool condition) {
  if (!condition) std::abort();
}

/// The rows up to the first that cannot be read.
std::vector<engine::Row> rows_of(std::string_view bytes) {
  std::vector<engine::Row> rows;
  engine::RowReader reader(bytes);
  while (!reader.at_end()) {
    auto row = reader.next();
    if (!row.ok()) break;
    rows.push_back(*row);
  }
  return rows;
}

engine::StateFacts facts_of(const std::vector<engine::Row>& rows) {
  engine::StateFacts facts;
  facts.last_offset = UINT64_MAX;
  facts.hash = engine::position_hash(facts.last_offset, facts.last_ts);
  for (const engine::Row& row : rows) {
    facts.hash += std::visit([](const auto& part) { return part.hash(); }, row);
    facts.definitions += std::holds_alternative<engine::DefinitionRow>(row) ? 1 : 0;
    facts.instances += std::holds_alternative<engine::InstanceRow>(row) ? 1 : 0;
    facts.keys += std::holds_alternative<engine::KeyRow>(row) ? 1 : 0;
  }
  return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<engine::Row> rows = rows_of(bytes);
  const engine::StateFacts facts = facts_of(rows);
  engine::StateLoader loader({.hash_seed = 1}, facts);
  for (const engine::Row& row : rows)
    if (!loader.add(row).ok()) return 0;
  auto state = loader.finish();
  if (!state.ok()) return 0;
  expect(state->hash() == facts.hash);
  // What was taken is given again.
  engine::StateWalk walk(*state);
  size_t again = 0;
  while (!walk.done()) walk.advance(1000, 1 << 20);
  for (const engine::RowBlock& block : walk.take_blocks()) again += block.rows;
  expect(again == rows.size());
  return 0;
}
