// What a watcher may hear of: a record as seen from outside, and its text in a notification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/record.h"
#include "engine/state.h"
#include "wire/message.h"

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

/// How one text serves those who want the context and those who do not: `ctx` is its last member,
/// and what stands before it is whole without it.
struct TextForms {
  uint32_t lean_bytes = 0;
  uint32_t full_bytes = 0;
  uint32_t lean_crc = 0;  // crc32c of the first lean_bytes
  uint32_t full_crc = 0;

  wire::SharedEvent lean(std::string_view text) const {
    return {text.substr(0, lean_bytes), lean_crc};
  }
  wire::SharedEvent full(std::string_view text) const { return {text, full_crc}; }
};

/// Appends the part of a notification of `change` that does not depend on who gets it.
TextForms append_text(std::string& out, const Change& change);

}  // namespace rstmdb::watch
