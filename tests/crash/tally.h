// How often each rule of a checker was put to the test, and what broke it. Every checker has rules
// of its own: an enum `Rule` from 0 to kRules - 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace rstmdb::crash {

/// Keeps what broke a rule for the first kKept times, and counts all of them.
template <class Rule, size_t kRules, size_t kKept>
class Tally {
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
      keep({rule, facts()});
  }
  void violate(Rule rule, std::string facts) {
    check(rule, false, [&] { return std::move(facts); });
  }

  uint64_t checks(Rule rule) const { return checks_[static_cast<size_t>(rule)]; }
  uint64_t violations(Rule rule) const { return broken_[static_cast<size_t>(rule)]; }
  uint64_t violations() const {
    return std::accumulate(broken_.begin(), broken_.end(), uint64_t{0});
  }
  /// The first ones; their number is bounded.
  const std::vector<Violation>& first_violations() const { return first_; }

  /// Adds another one's counts and violations to this one.
  void add(const Tally& other) {
    for (size_t i = 0; i < kRules; ++i) {
      checks_[i] += other.checks_[i];
      broken_[i] += other.broken_[i];
    }
    for (const Violation& violation : other.first_) {
      if (first_.size() < kKept) first_.push_back(violation);
    }
  }

 private:
  void keep(Violation violation) {
    ++broken_[static_cast<size_t>(violation.rule)];
    if (first_.size() < kKept) first_.push_back(std::move(violation));
  }

  std::array<uint64_t, kRules> checks_{};
  std::array<uint64_t, kRules> broken_{};
  std::vector<Violation> first_;
};

}  // namespace rstmdb::crash
