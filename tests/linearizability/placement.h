// Where an operation's answer puts it in the log: the least position, not before `bound`, at which
// the model gives exactly this answer. What takes effect stands where its records are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "linearizability/history.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

struct Place {
  enum class Kind : uint8_t {
    kFound,
    kNothing,  // it says nothing of the log
    kPassed,   // its answer was right once, before `bound`
    kWritten,  // its records stand before `bound`, or at it
    kWrong     // its answer is right nowhere
  };
  Kind kind = Kind::kNothing;
  uint64_t position = 0;  // found: the last offset that it shows or writes; else where it was right
};

class Placement {
 public:
  Placement(const History& history, const Timeline& timeline)
      : history_(history), timeline_(timeline) {}

  /// The least place at `bound` or behind it; what is written has to be behind it.
  Place find(const Operation& operation, uint64_t bound) const;
  /// Where an atomic batch's records show it as carried out, when there are any: whether they are
  /// there whole, and side by side.
  bool batch_is_whole(const Operation& operation) const;

 private:
  /// How a run of acts comes out when the first of them meets the state at `base`.
  struct Run {
    bool right = false;
    uint64_t effects = 0;
  };

  Place find_acts(std::span<const Act> acts, uint32_t refused_at, uint64_t bound) const;
  Place find_unordered(const Operation& operation, uint64_t bound) const;
  Place find_list(const Operation& operation, uint64_t bound) const;
  Place find_watched(const Operation& operation, uint64_t bound) const;
  Place find_history(const Operation& operation, uint64_t bound) const;
  Place find_newest(uint32_t instance, uint64_t newest, uint64_t bound) const;
  Run run(std::span<const Act> acts, uint32_t refused_at, uint64_t base) const;
  uint64_t first_written(std::span<const Act> acts, uint64_t bound) const;
  bool repeated(std::span<const Act> acts) const;
  uint64_t next_change(std::span<const Act> acts, uint64_t offset) const;

  const History& history_;
  const Timeline& timeline_;
};

}  // namespace rstmdb::lin
