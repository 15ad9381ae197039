// The rules that a crash may not break, how often each was put to the test, and what broke it.
#pragma once

#include <cstdint>
#include <string_view>

#include "crash/tally.h"

namespace rstmdb::crash {

enum class Rule : uint8_t {
  kNoLostAck,        // an acknowledged write is the record at its offset
  kNoPhantom,        // a record is a write that was sent, as it was sent
  kNoDuplicate,      // a write is at most one record
  kRefusedAbsent,    // a write that was refused is no record
  kOffsetsDense,     // offsets are 1, 2, 3, …
  kOrderKept,        // order of one connection's writes to an instance; never before what was known
  kBatchWhole,       // an atomic batch is all there, side by side, or not at all
  kPrefixKept,       // what was read once reads the same after every restart
  kStateIsFold,      // instances are what the log's records make of them
  kTimeForward,      // time stamps never go back
  kFirstAnswerKept,  // a repeated request gets the first answer and has no second effect
  kReadsDurable,     // what a read showed is in the log
  kHistoryKept,      // a history shows the instance's records, as far back as the log reaches
  kDecisionsRight,   // expectations, transitions and guards of what was accepted
  kServerComesBack,  // starts after every kill, and ends by nothing else
};
inline constexpr size_t kRuleCount = 15;

/// The rule as it is printed, for example `no_lost_ack`.
std::string_view rule_name(Rule rule);

using Verdict = Tally<Rule, kRuleCount, 40>;

}  // namespace rstmdb::crash
