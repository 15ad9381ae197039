// What one instance has seen of a history: its part of every operation.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "linearizability/history.h"
#include "linearizability/model.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

/// One operation's part in one instance.
struct LocalOperation {
  enum class Kind : uint8_t {
    kAnswered,      // each act has its answer
    kUnknown,       // no answer: all acts together, or none
    kLogged,        // no answer, but records in the log: all acts, at `offsets`
    kRefusedBatch,  // the last act made the batch be refused
    kListed,        // shown by a list
    kUnlisted,      // not shown by a list: of all, or of those in `state`
    kRemoved,       // shown by a history that begins with the removal
    kMissing        // it has no history
  };
  Kind kind = Kind::kAnswered;
  int64_t invoked = 0;
  int64_t ended = 0;
  std::vector<const Act*> acts = {};
  int8_t state = kNoState;             // listed: shown; unlisted: the list's
  uint64_t offset = 0;                 // listed, removed
  std::vector<uint64_t> offsets = {};  // logged, and unknown where the log says them
};

/// An instance, and the first answers to its keys.
struct LocalState {
  Instance instance = {};
  std::vector<std::pair<uint64_t, Answer>> keys = {};
  uint64_t hash() const;
  friend bool operator==(const LocalState&, const LocalState&) = default;
};

/// Every instance's part, in no order within.
std::vector<std::vector<LocalOperation>> split_by_instance(const History& history);

/// The same with what the log says of requests without an answer.
std::vector<LocalOperation> inform(const std::vector<LocalOperation>& operations,
                                   const Timeline& timeline);

/// The state after `operation` took effect here with the answers that it got; nullopt when it could
/// not have.
std::optional<LocalState> step(const LocalState& before, const LocalOperation& operation);

}  // namespace rstmdb::lin
