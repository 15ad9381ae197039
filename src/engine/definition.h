// A machine's definition: its states, where it starts, and which events lead where under which
// guards.
//
// Several transitions may share (state, event): they are tried in definition order and the first
// whose guard holds, or that has none, is taken. What can be proved wrong is refused here and not
// at the first event.
//
// The *canonical form* is what is stored, hashed and given back: members sorted, no white space,
// `from` always an array, null `guard` and `meta` left out, unknown members kept. Two definitions
// are the same exactly when their canonical forms are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/guard.h"
#include "json/document.h"

namespace rstmdb::engine {

using StateIndex = uint16_t;

/// A possible step from one state by one event.
struct Edge {
  static constexpr uint32_t kNoGuard = UINT32_MAX;
  StateIndex from = 0;
  StateIndex to = 0;
  uint32_t event = 0;
  uint32_t guard = kNoGuard;  // index into Definition::guards()
};

class Definition {
 public:
  Definition() = default;

  /// Checks and compiles `definition`. Refuses with kBadRequest and detail path, for example
  /// `transitions[2].guard` (with column there), `states[4]`, `initial`.
  static Result<Definition> parse(json::Value definition);

  const std::string& canonical() const { return canonical_; }
  /// SHA-256 of the canonical form, 64 hex digits.
  const std::string& checksum() const { return checksum_; }

  const std::vector<std::string>& states() const { return states_; }
  const std::vector<std::string>& events() const { return events_; }
  const std::vector<guard::Guard>& guards() const { return guards_; }
  const std::vector<Edge>& edges() const { return edges_; }
  StateIndex initial() const { return initial_; }

  std::optional<StateIndex> find_state(std::string_view name) const;
  /// The transitions for `event` out of `state`, in definition order; empty when there is none.
  std::span<const Edge> edges_for(StateIndex state, std::string_view event) const;

 private:
  friend class DefinitionParser;

  std::string canonical_;
  std::string checksum_;
  std::vector<std::string> states_;
  std::vector<std::string> events_;
  std::vector<guard::Guard> guards_;
  std::vector<Edge> edges_;  // sorted by (from, event), definition order inside
  std::vector<uint32_t> states_by_name_;
  std::vector<uint32_t> events_by_name_;
  StateIndex initial_ = 0;
};

}  // namespace rstmdb::engine
