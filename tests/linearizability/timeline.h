// The state at every offset of the log, by the model: what each answer is held against.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/model.h"

namespace rstmdb::lin {

/// A write and everything that was sent and recorded of it.
struct Tagged {
  struct Attempt {
    uint32_t operation;
    uint32_t act;
  };
  std::vector<Attempt> attempts = {};
  uint64_t offset = 0;  // of its record; 0: it has none
};

class Timeline {
 public:
  /// Folds the log, and holds each record against what was sent and what the model makes of it. The
  /// history stays the caller's and must stay as it is.
  Timeline(const History& history, Findings& findings);

  /// The instance after the record at `offset`; 0: before everything.
  const Instance& at(uint32_t instance, uint64_t offset) const;
  /// The next offset behind `offset` at which the instance changes; 0 when there is none.
  uint64_t next_change(uint32_t instance, uint64_t offset) const;
  /// The last offset before `offset` at which it changed; 0 when there is none.
  uint64_t previous_change(uint32_t instance, uint64_t offset) const;
  /// The end of the atomic batch that `offset` is inside of, where everybody sees it; else
  /// `offset`.
  uint64_t whole(uint64_t offset) const;
  /// The write, or null for a tag that nobody has sent.
  const Tagged* find(uint64_t tag) const;
  /// The first answer to a write, by its record.
  Answer first_answer(const Tagged& tagged) const;
  uint64_t last_tag() const { return tags_.empty() ? 0 : tags_.size() - 1; }
  uint64_t end() const { return history_.records.size(); }

  /// One sum over the rows that a list of `machine` has at an offset: all, or those in a state.
  struct ListSum {
    uint64_t offset;
    std::array<uint64_t, 4> sums;  // [0] of all, [1 + state]
  };
  const std::vector<ListSum>& lists(uint32_t machine) const { return lists_[machine]; }
  static uint64_t row_sum(const Row& row);

 private:
  struct Version {
    uint64_t offset;
    Instance instance;
  };

  void note_attempts();
  void take(const Logged& record);
  void check_source(const Logged& record);
  void add_version(const Logged& record, const Instance& before, const Instance& after);

  const History& history_;
  Findings& findings_;
  std::vector<Tagged> tags_;                                     // index is the tag
  std::unordered_map<uint32_t, std::vector<Version>> versions_;  // by instance
  std::array<std::vector<ListSum>, kMachines> lists_;
};

}  // namespace rstmdb::lin
