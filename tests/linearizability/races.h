// Many clients released together at one place: each race is a row of rounds, and in each round the
// answers have to be those of some order.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "linearizability/arena.h"

namespace rstmdb::lin {

struct Race {
  std::string_view name;
  /// Plays a round; an error says what was wrong with it.
  Result<void> (*round)(Arena& arena, uint64_t round);
};

std::span<const Race> races();

}  // namespace rstmdb::lin
