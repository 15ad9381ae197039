// The rules that a crash may not break, how often each was put to the test, and what broke it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

class Verdict {
 public:
  struct Violation {
    Rule rule;
    std::string facts;
  };

  /// Counts one test of `rule`; when it does not hold, keeps what `facts()` says.
  template <class Facts>
  void check(Rule rule, bool holds, Facts&& facts) {
    ++checks_[static_cast<size_t>(rule)];
    if (!holds) [[unlikely]]
      add(rule, facts());
  }
  void violate(Rule rule, std::string facts) {
    check(rule, false, [&] { return std::move(facts); });
  }

  uint64_t checks(Rule rule) const { return checks_[static_cast<size_t>(rule)]; }
  uint64_t violations(Rule rule) const { return broken_[static_cast<size_t>(rule)]; }
  uint64_t violations() const;
  /// The first ones; their number is bounded.
  const std::vector<Violation>& first_violations() const { return first_; }
  /// Adds another verdict's counts and violations to this one.
  void add(const Verdict& other);

 private:
  void add(Rule rule, std::string facts);

  std::array<uint64_t, kRuleCount> checks_{};
  std::array<uint64_t, kRuleCount> broken_{};
  std::vector<Violation> first_;
};

}  // namespace rstmdb::crash
