// Decisions: from a command and the state to records or a refusal. Pure; the state is only read.
//
// Each function either adds its record to the draft and says what the caller will be told, or
// answers from an idempotency key (no record, `applied` false), or refuses with a code of the
// protocol and typed details.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "engine/command.h"
#include "engine/draft.h"

namespace rstmdb::engine {

/// What a write led to. Views into the command, the draft or the state; valid until either changes.
struct Outcome {
  bool applied = false;  // false: nothing new happened, this is the first answer again
  uint64_t offset = 0;
  std::string_view instance_id;
  std::string_view from_state;
  std::string_view to_state;  // create: the initial state
  std::string_view context;   // apply: after the event
  std::string_view event_id;
};

struct PutOutcome {
  bool created = false;  // false: the same definition is there already
  uint64_t offset = 0;   // 0 when not created
};

struct Decider {
  const Bounds& bounds;
  const Stamp& stamp;
  Draft& draft;

  /// kConflict (checksum), kMachineVersionExists, kMachineVersionLimitExceeded, kRateLimited
  /// (machines).
  Result<PutOutcome> decide(const PutMachine& command) const;
  /// kMachineNotFound, kInstanceExists, kConflict (key with other parameters), kBadRequest (context
  /// size).
  Result<Outcome> decide(const CreateInstance& command) const;
  /// In this order: kInstanceNotFound, key (replay or kConflict), kConflict (expected_*),
  /// kInvalidTransition, kGuardFailed or kBadRequest (limits::kGuardWorkBytesMax), kBadRequest
  /// (context size).
  Result<Outcome> decide(const ApplyEvent& command) const;
  /// kInstanceNotFound for an id never seen; deleting again gives the first offset.
  Result<Outcome> decide(const DeleteInstance& command) const;
  /// kInstanceNotFound. The outcome's context is the document that was kept.
  Result<Outcome> decide(const SnapshotInstance& command) const;
  Outcome decide(const FlushAll& command) const;

 private:
  Record blank(RecordKind kind) const;
  /// What the key's first request led to, if that had one of the two fingerprints; none for a key
  /// that is new; else kConflict.
  Result<std::optional<Outcome>> replay(const KeyScope& scope, const Hash128& fingerprint,
                                        const Hash128& older_fingerprint) const;
  void add(Record& record, const Hash128& fingerprint) const;
};

}  // namespace rstmdb::engine
