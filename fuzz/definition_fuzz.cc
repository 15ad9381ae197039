// Any bytes as a machine's definition. What must hold: a refusal names a place; what is accepted
// has a canonical form that is a fixed point with the same checksum, and a table in which every
// state and event leads to edges inside it; and folding its record into a state works.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "engine/definition.h"
#include "engine/record.h"
#include "engine/state.h"
#include "json/document.h"

namespace rstmdb::engine {
namespace {

constexpr size_t kPairsMax = 4'096;  // of state and event that are looked up; more would be slow

void check_edges(const Definition& definition, StateIndex state, std::string_view event) {
  const auto edges = definition.edges_for(state, event);
  for (size_t i = 0; i < edges.size(); ++i) {
    const Edge& edge = edges[i];
    RSTMDB_CHECK(edge.from == state, event);
    RSTMDB_CHECK(edge.to < definition.states().size(), event);
    RSTMDB_CHECK(edge.event < definition.events().size(), event);
    RSTMDB_CHECK(definition.events()[edge.event] == event, event);
    if (edge.guard == Edge::kNoGuard) {
      RSTMDB_CHECK(i + 1 == edges.size(), "an edge behind one without a guard");
      continue;
    }
    RSTMDB_CHECK(edge.guard < definition.guards().size(), event);
    static_cast<void>(definition.guards()[edge.guard].holds(R"({"a":1,"b":{"c":"x"}})"));
  }
}

void check_table(const Definition& definition) {
  RSTMDB_CHECK(definition.initial() < definition.states().size(), definition.canonical());
  size_t pairs = 0;
  size_t found = 0;
  for (size_t i = 0; i < definition.states().size(); ++i) {
    const auto index = definition.find_state(definition.states()[i]);
    RSTMDB_CHECK(index && *index == i, definition.states()[i]);
    for (const std::string& event : definition.events()) {
      if (++pairs > kPairsMax) return;
      check_edges(definition, static_cast<StateIndex>(i), event);
      found += definition.edges_for(static_cast<StateIndex>(i), event).size();
    }
    RSTMDB_CHECK(definition.edges_for(static_cast<StateIndex>(i), "no such event \x01").empty(),
                 definition.canonical());
  }
  RSTMDB_CHECK(found == definition.edges().size(), definition.canonical());
}

void check_canonical(const Definition& definition) {
  const std::string& canonical = definition.canonical();
  RSTMDB_CHECK(definition.checksum() == sha256_hex(canonical), canonical);
  json::Document document;
  RSTMDB_CHECK(document.parse(canonical).ok() && document.text() == canonical, canonical);
  const auto again = Definition::parse(document.root());
  RSTMDB_CHECK(again.ok(), again.error().to_string());
  RSTMDB_CHECK(again->canonical() == canonical, again->canonical());
  RSTMDB_CHECK(again->checksum() == definition.checksum(), canonical);
  RSTMDB_CHECK(again->states() == definition.states(), canonical);
  RSTMDB_CHECK(again->edges().size() == definition.edges().size(), canonical);
  RSTMDB_CHECK(again->guards().size() == definition.guards().size(), canonical);
}

/// The state takes every definition that PUT_MACHINE would let in.
void check_fold(const Definition& definition) {
  Record record;
  record.kind = RecordKind::kPutMachine;
  record.offset = 1;
  record.machine = "m";
  record.version = 1;
  record.checksum = definition.checksum();
  record.context = definition.canonical();
  State state({.hash_seed = 1});
  state.apply(record);
  RSTMDB_CHECK(state.machines().find("m", 1) != nullptr, definition.canonical());
}

}  // namespace
}  // namespace rstmdb::engine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb;
  json::Document document;
  if (!document.parse({reinterpret_cast<const char*>(bytes), size}).ok()) return 0;
  const auto definition = engine::Definition::parse(document.root());
  if (!definition.ok()) {
    RSTMDB_CHECK(definition.error().code() == Code::kBadRequest, definition.error().to_string());
    bool placed = false;
    for (const Error::Detail& detail : definition.error().details())
      placed = placed || detail.key == "path";
    RSTMDB_CHECK(placed, definition.error().to_string());
    return 0;
  }
  engine::check_table(*definition);
  engine::check_canonical(*definition);
  engine::check_fold(*definition);
  return 0;
}
