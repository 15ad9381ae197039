// How many instances are where, and what has happened to one: parameters and results of
// count_instances and get_history. Payloads and contexts are JSON as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rstmdb::client {

struct StateCount {
  std::string state = {};
  uint64_t instances = 0;
};

struct InstanceCounts {
  std::string machine = {};
  uint32_t version = 0;                 ///< 0 = of all versions
  std::vector<StateCount> states = {};  ///< every state of the definition, empty ones too
  uint64_t total = 0;
  uint64_t wal_offset = 0;  ///< of the last record that is counted
};

struct GetHistory {
  std::string instance_id = {};
  std::optional<uint64_t> limit = {};
  std::optional<uint64_t> before_offset = {};  ///< History::next_before_offset of the page before
  bool include_ctx = true;
};

/// What an event does not have is "": only a creation has a machine and a version, only an
/// apply_event an event and a payload, a creation has no from_state and a deletion no to_state.
struct HistoryEvent {
  uint64_t wal_offset = 0;
  int64_t ts = 0;         ///< Unix milliseconds
  std::string type = {};  ///< create_instance, apply_event or delete_instance
  std::string machine = {};
  uint32_t version = 0;
  std::string event = {};
  std::string from_state = {};
  std::string to_state = {};
  std::string payload = {};
  std::string ctx = {};  ///< after the event; "" without include_ctx, and of a deletion
  std::string event_id = {};
  std::string idempotency_key = {};
  std::string actor = {};
  std::optional<uint32_t> batch_index = {};  ///< in an atomic batch
  std::optional<uint32_t> batch_size = {};
};

struct History {
  std::string instance_id = {};
  std::vector<HistoryEvent> events = {};  ///< newest first
  bool has_more = false;
  std::optional<uint64_t> next_before_offset = {};  ///< if has_more
  uint64_t horizon = 0;                             ///< the first offset that the log still has
  bool complete = false;  ///< the page reaches back to the instance's creation
};

}  // namespace rstmdb::client
