// What the checkers look for, by name, and what they have found.
#pragma once

#include <cstdint>
#include <string_view>

#include "crash/tally.h"

namespace rstmdb::lin {

enum class Rule : uint8_t {
  // of one instance, by search
  kInstanceLinearizable,  // some order of the instance's operations explains every answer
  kSearchEnds,            // the search has come to an end for all but a few instances
  // of everything, by the log's order
  kLostAck,         // an acknowledged write is the record at its offset
  kPhantom,         // every record is a write that was sent, as it was sent
  kDuplicateApply,  // a write is at most one record, and takes effect for one answer only
  kRefusedAbsent,   // a write that was refused is no record
  kOffsetsDense,    // offsets are 1, 2, 3, …, and time stamps never go back
  kRealTime,        // what ended before another began stands before it
  kStaleRead,       // no answer shows what was past when it was asked
  kAnswerRight,     // every answer is the model's at its place in the log
  kBatchWhole,      // an atomic batch is side by side or not there
  kLateEffect,      // what had no answer when the server died takes effect before that or never
  kLogIsFold,       // every record is what the model makes of those before it
  kPageStable,      // pages show what was there throughout exactly once
  // of streams
  kWatchGap,     // nothing is left out
  kWatchRepeat,  // nothing twice, and in order
  kWatchFilter,  // nothing that does not pass
  kWatchRight,   // each notification says what its record says
  kWatchEarly,   // nothing before it was written, nothing that is not in the log
  kWatchSeam,    // the stream goes on from what its WATCH answered
  // of histories
  kHistoryGap,      // no record is left out, within a page or between two
  kHistoryRepeat,   // newest first, nothing twice
  kHistoryRight,    // each event says what its record says
  kHistoryEnd,      // a page ends where it says: full, at the creation, or at the horizon
  kHistoryHorizon,  // what the log has lost does not come back before a restart
  // of errors
  kUnexpectedError,  // the contract has the answer for what was asked
};
inline constexpr size_t kRuleCount = 26;

/// As it is printed, for example `lost_ack`.
std::string_view rule_name(Rule rule);

using Findings = crash::Tally<Rule, kRuleCount, 20>;

}  // namespace rstmdb::lin
