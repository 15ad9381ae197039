// What one instance does with one act, written apart from the engine.
#pragma once

#include <cstdint>
#include <vector>

#include "linearizability/history.h"

namespace rstmdb::lin {

enum class Life : uint8_t { kAbsent, kAlive, kDeleted };

struct Instance {
  Life life = Life::kAbsent;
  int8_t state = kNoState;
  uint64_t offset = 0;  // of its last record; 0 while unknown
  Seen seen = {};
  friend bool operator==(const Instance&, const Instance&) = default;
};

/// What the act is answered with and what becomes of the instance. The offset of a write that takes
/// effect is not decided here: it is `offset`. `known` is the first answer to this act's key, or
/// null when the key is new.
struct Outcome {
  Answer answer;
  Instance after;
  bool effect = false;
};
Outcome decide(const Instance& before, const Act& act, uint64_t offset, const Answer* known);

/// Whether the answer that was given is the one that was due: all that the verb's answer has is
/// compared. An offset of 0 in `due` is one that nobody knows.
bool same_answer(Verb verb, const Answer& due, const Answer& given);

/// What the record makes of the instance.
Instance fold(const Instance& before, const Logged& record);

}  // namespace rstmdb::lin
