// What a watcher may hear of: a record as seen from outside, and its text in a notification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/record.h"
#include "engine/state.h"

namespace rstmdb::watch {

enum class ChangeKind : uint8_t { kTransition, kCreate, kDelete };
inline constexpr ChangeKind kChangeKinds[] = {ChangeKind::kTransition, ChangeKind::kCreate,
                                              ChangeKind::kDelete};

/// "transition", "create" or "delete".
std::string_view kind_name(ChangeKind kind);
std::optional<ChangeKind> find_kind(std::string_view name);

/// A change of one instance. Views into the record that it was made of, and into the state.
struct Change {
  ChangeKind kind = ChangeKind::kTransition;
  uint64_t offset = 0;
  std::string_view instance_id;
  std::string_view machine;
  uint32_t version = 0;
  std::string_view from_state;  // "" for a creation
  std::string_view to_state;    // "" for a deletion
  std::string_view event;       // "" unless a transition
  std::string_view payload;     // JSON, or "" for none
  std::string_view context;     // JSON after the change; "" for a deletion
};

/// The change that `record` is, if it is one of an instance. A record of release 0.1 does not name
/// its machine: then `state` is asked, and if the instance has been flushed away since, machine is
/// "" and version 0.
std::optional<Change> change_of(const engine::Record& record, const engine::State& state);

/// Appends the members that follow the subscription's id in a notification, `ctx` last and with
/// everything before it complete without it. Returns the size of that part, so that one text serves
/// subscribers with and without context.
size_t append_members(std::string& out, const Change& change);

}  // namespace rstmdb::watch
