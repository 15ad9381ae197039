// Commands: what a caller asks for, after its request has been read and before it is decided. Texts
// are views that live until the decision has been answered. Everything that a decision may depend
// on besides the state is a field here or in Stamp: the engine has no clock and no randomness of
// its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/definition.h"

namespace rstmdb::engine {

/// What the node adds to every command.
struct Stamp {
  int64_t now_ms = 0;         // UTC; at least State::last_ts()
  std::string_view actor;     // authenticated principal, or ""
  std::string_view trace_id;  // or ""
};

/// Bounds that are configured rather than built in.
struct Bounds {
  size_t machine_versions_max;
  int64_t key_ttl_ms;
  size_t keys_max;
  size_t keys_bytes_max;
};

struct PutMachine {
  std::string_view machine;
  uint32_t version = 0;
  const Definition* definition = nullptr;  // parsed; not null
  std::string_view expected_checksum;      // or "" for no check
};

struct CreateInstance {
  std::string_view machine;
  uint32_t version = 0;
  std::string_view instance_id;   // or "" to take generated_id
  std::string_view generated_id;  // an id that nobody has used
  std::string_view context;       // a JSON object in normal form
  std::string_view key;           // or ""
};

struct ApplyEvent {
  std::string_view instance_id;
  std::string_view event;
  std::string_view payload;  // a JSON object in normal form, or "" for none
  std::optional<std::string_view> expected_state;
  std::optional<uint64_t> expected_offset;
  std::string_view event_id;  // or ""
  std::string_view key;       // or ""
};

struct DeleteInstance {
  std::string_view instance_id;
  std::string_view key;  // or ""
};

/// Keeps what an instance is now in the log.
struct SnapshotInstance {
  std::string_view instance_id;
  std::string_view snapshot_id;  // that nobody has used
};

struct FlushAll {};

}  // namespace rstmdb::engine
