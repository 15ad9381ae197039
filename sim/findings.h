// The rules that a run may not break, how often each was put to the test, and what broke it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crash/verdict.h"

namespace rstmdb::sim {

enum class Rule : uint8_t {
  kAnswersRight,  // every answer is what the log says at a point between question and answer
  kNothingLost,   // what an answer or a notification showed is in the log, also after a crash
  kNoPhantom,     // a record is a write that was sent, as it was sent, and not one refused
  kOnce,          // a write takes effect at most once, however often it was sent
  kOrder,         // per connection and instance as sent; never before what was known
  kBatchWhole,    // an atomic batch is all there, side by side, or not at all
  kLogDense,      // offsets 1, 2, 3, …, time stamps never back, the same on each reading
  kFold,          // each record follows from those before it
  kState,         // the state, its hash and what reads show are the fold of the log
  kStreams,       // a watcher hears all that passes its filter, once, in order, and nothing else
  kComesBack,     // the server starts again after each end and ends by nothing else
  kDamageFound,   // damage on the disk is never turned into another state
  kAnswersCome,   // once faults have stopped, every request is answered in time
};
inline constexpr size_t kRuleCount = 13;

std::string_view rule_name(Rule rule);

class Findings {
 public:
  using Tally = crash::Tally<Rule, kRuleCount, 10>;
  using Violation = Tally::Violation;

  /// As Tally's.
  template <class Facts>
  void check(Rule rule, bool holds, Facts&& facts) {
    rules_.check(rule, holds, std::forward<Facts>(facts));
  }
  void violate(Rule rule, std::string facts) { rules_.violate(rule, std::move(facts)); }

  uint64_t checks(Rule rule) const { return rules_.checks(rule); }
  bool sound() const { return rules_.violations() == 0 && fold_.violations() == 0; }
  /// The first ones, those of the fold among them.
  std::vector<Violation> violations() const;
  /// Where the fold says what it finds.
  crash::Verdict& fold() { return fold_; }

 private:
  Tally rules_;
  crash::Verdict fold_;
};

}  // namespace rstmdb::sim
