// One mistake of a server each, put into a right history: what the checkers have to find, and under
// which name.
#pragma once

#include <span>
#include <string_view>

#include "crash/dice.h"
#include "linearizability/findings.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

struct Mistake {
  std::string_view name;
  Rule rule;          // the one that it breaks
  bool one_instance;  // whether one instance's answers alone give it away
  /// Puts it in at a random place; false when the history has no place for it.
  bool (*make)(History& history, crash::Dice& dice);
};

std::span<const Mistake> mistakes();

}  // namespace rstmdb::lin
