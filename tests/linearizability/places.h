// Finds places in a history where a mistake can be made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crash/dice.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

/// A random one of those that `fits`; null when there is none.
template <class T, class Fits>
T* some(std::vector<T>& from, crash::Dice& dice, const Fits& fits) {
  const size_t start = dice.below(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    T& one = from[(start + i) % from.size()];
    if (fits(one)) return &one;
  }
  return nullptr;
}

inline bool is_alone(const Operation& operation, Verb verb) {
  return operation.answered && operation.ask == Ask::kActs && operation.form == Form::kAlone &&
         operation.acts.front().verb == verb;
}

inline bool succeeded(const Operation& operation, Verb verb) {
  return is_alone(operation, verb) && operation.acts.front().answer.refusal == Refusal::kNone;
}

inline bool applied(const Operation& operation) {
  return succeeded(operation, Verb::kApply) && operation.acts.front().answer.applied;
}

inline const Operation* writer_of(const History& history, uint64_t offset) {
  for (const Operation& operation : history.operations) {
    for (const Act& act : operation.acts) {
      const bool wrote = act.verb != Verb::kRead && act.answer.refusal == Refusal::kNone;
      if (operation.answered && wrote && act.answer.offset == offset) return &operation;
    }
  }
  return nullptr;
}

}  // namespace rstmdb::lin
