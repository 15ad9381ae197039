// The search for an order of one instance's operations, after Wing & Gong, with Lowe's memory of
// what was tried.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "linearizability/local_history.h"

namespace rstmdb::lin {

/// Holds the operations' beginnings and ends in a row, linked, so that an operation that has been
/// placed can be taken out and put back.
///
/// What has no answer is the difficulty: any of it may have taken effect, in any order. Therefore
/// what is answered is tried first, then what others have seen the effect of, which surely had one,
/// and only then the rest, which is given up first.
class Search {
 public:
  explicit Search(const std::vector<LocalOperation>& operations);

  enum class Result { kFound, kNone, kGivenUp };
  /// Gives up after so many steps.
  Result run(uint64_t steps_max);
  uint64_t steps() const { return steps_; }
  /// The operation that no attempt got past, after kNone.
  const LocalOperation& obstacle() const { return operations_[obstacle_]; }

 private:
  struct Event {
    uint32_t operation = UINT32_MAX;
    bool end = false;
    uint32_t previous = UINT32_MAX;
    uint32_t next = UINT32_MAX;
    uint32_t partner = UINT32_MAX;  // of a beginning: its end
  };
  struct Placed {
    enum class How : uint8_t {
      kTried,   // others can be tried in its place
      kOnly,    // they need not be
      kDropped  // it has never taken effect
    };
    uint32_t beginning;
    How how;
    LocalState before;
  };
  enum Rank : uint8_t { kAnswered, kEffective, kUncertain };

  void order_events();
  void rank_operations();
  void take_out(uint32_t beginning);
  void put_back(uint32_t beginning);
  void unlink(uint32_t event);
  void relink(uint32_t event);
  bool is_new(const LocalState& state, uint32_t operation);
  bool place(uint32_t beginning);
  void drop(uint32_t beginning);
  bool go_back();
  bool at_end(uint32_t operation);
  bool is_next(uint32_t operation) const;

  const std::vector<LocalOperation>& operations_;
  std::vector<Event> events_;  // [0] stands before the first
  std::vector<uint32_t> beginnings_;
  std::vector<Rank> ranks_;
  std::vector<size_t> effects_;    // sure ones, by operation
  std::vector<uint64_t> offsets_;  // of all of them, in order
  size_t effects_placed_ = 0;
  uint32_t event_ = 0;  // where the search is
  int rank_ = 0;        // which are being tried
  LocalState state_;
  uint64_t placed_hash_ = 0;
  std::vector<Placed> placed_;
  std::unordered_set<uint64_t> tried_;
  uint64_t steps_ = 0;
  size_t deepest_ = 0;
  uint32_t obstacle_ = 0;
};

}  // namespace rstmdb::lin
