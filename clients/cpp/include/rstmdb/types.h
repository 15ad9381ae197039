// What the operations take and give. Parameters are made for designated initialisers:
// `client.apply_event({.instance_id = "order-1", .event = "PAY", .payload = R"({"amount":10})"})`.
// Contexts, payloads, definitions and log entries are JSON as text (see json.h for looking inside).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rstmdb/history.h"
#include "rstmdb/result.h"

namespace rstmdb::client {

// ---- session ------------------------------------------------------------------------------------

struct ServerFacts {
  std::string server_name = {};
  std::string server_version = {};
  uint64_t protocol_version = 0;
  std::vector<std::string> features = {};
  uint64_t max_frame_bytes = 0;
  uint64_t max_batch_ops = 0;
  /// The answer as it came, with whatever else the server tells.
  std::string json = {};
};

// ---- machines -----------------------------------------------------------------------------------

struct PutMachine {
  std::string machine = {};
  uint32_t version = 1;
  std::string definition = {};  ///< JSON object: states, initial, transitions, meta
  std::string checksum = {};  ///< "" = not checked; else SHA-256 in hex of the canonical definition
};
struct MachineStored {
  std::string machine = {};
  uint32_t version = 0;
  std::string stored_checksum = {};
  bool created = false;  ///< false: the same definition was there already
};
struct Machine {
  std::string machine = {};
  uint32_t version = 0;
  std::string definition = {};
  std::string checksum = {};
};
struct Page {
  std::optional<uint64_t> limit = {};
  std::optional<uint64_t> offset = {};
  std::string machine = {};  ///< "" = all; else this one alone
};
struct MachineVersions {
  std::string machine = {};
  std::vector<uint32_t> versions = {};  ///< ascending
};
struct MachinePage {
  std::vector<MachineVersions> items = {};
  uint64_t total = 0;
  bool has_more = false;
};

// ---- instances ----------------------------------------------------------------------------------

struct CreateInstance {
  std::string machine = {};
  uint32_t version = 1;
  std::string instance_id = {};      ///< "" = the server makes a UUID
  std::string initial_ctx = {};      ///< JSON object; "" = {}
  std::string idempotency_key = {};  ///< "" = made by the client, unless told not to
};
struct InstanceCreated {
  std::string instance_id = {};
  std::string state = {};
  uint64_t wal_offset = 0;
};
struct Instance {
  std::string instance_id = {};
  std::string machine = {};
  uint32_t version = 0;
  std::string state = {};
  std::string ctx = {};
  std::string last_event_id = {};  ///< "" = none
  uint64_t last_wal_offset = 0;
  int64_t created_at = 0;  ///< Unix milliseconds
  int64_t updated_at = 0;
};
struct ListInstances {
  std::string machine = {};  ///< "" = all
  std::string state = {};    ///< "" = all
  std::optional<uint64_t> limit = {};
  std::optional<uint64_t> offset = {};
  std::string cursor = {};  ///< InstancePage::next_cursor of the page before; excludes `offset`
};
struct InstanceSummary {
  std::string id = {};
  std::string machine = {};
  uint32_t version = 0;
  std::string state = {};
  int64_t created_at = 0;
  int64_t updated_at = 0;
  uint64_t last_wal_offset = 0;
};
struct InstancePage {
  std::vector<InstanceSummary> instances = {};
  uint64_t total = 0;
  bool has_more = false;
  std::string next_cursor = {};  ///< "" = no further page, or a server without cursors
};
struct ApplyEvent {
  std::string instance_id = {};
  std::string event = {};
  std::string payload = {};  ///< JSON object; "" = {}
  std::string expected_state = {};
  std::optional<uint64_t> expected_wal_offset = {};
  std::string event_id = {};
  std::string idempotency_key = {};
};
struct EventApplied {
  std::string from_state = {};
  std::string to_state = {};
  std::string ctx = {};  ///< after the event
  uint64_t wal_offset = 0;
  bool applied = false;  ///< false: the answer of an earlier call with the same key
  std::string event_id = {};
};
struct DeleteInstance {
  std::string instance_id = {};
  std::string idempotency_key = {};
};
struct InstanceDeleted {
  std::string instance_id = {};
  bool deleted = false;
  uint64_t wal_offset = 0;
};

enum class BatchMode : uint8_t { kBestEffort, kAtomic };
using BatchOperation = std::variant<CreateInstance, ApplyEvent, DeleteInstance>;
struct Batch {
  BatchMode mode = BatchMode::kBestEffort;
  std::vector<BatchOperation> ops = {};
};
using BatchValue = std::variant<InstanceCreated, EventApplied, InstanceDeleted>;
struct BatchDone {
  /// One for each operation, in their order. In an atomic batch all are values: its first failure
  /// is the error of the whole call, with detail `index`.
  std::vector<Result<BatchValue>> results = {};
  uint64_t wal_offset = 0;  ///< of the last record written; 0 when none was
};
struct Flushed {
  bool flushed = false;
  uint64_t instances_removed = 0;
  uint64_t machines_removed = 0;
};

// ---- log and snapshots --------------------------------------------------------------------------

struct LogRecord {
  uint64_t sequence = 0;
  uint64_t offset = 0;
  std::string entry = {};  ///< JSON object with `type`
};
struct LogPage {
  std::vector<LogRecord> records = {};
  std::optional<uint64_t> next_offset = {};  ///< none at the end of the log
};
struct LogStats {
  uint64_t entry_count = 0;
  uint64_t segment_count = 0;
  uint64_t total_size_bytes = 0;
  uint64_t latest_offset = 0;
  uint64_t bytes_written = 0;
  uint64_t bytes_read = 0;
  uint64_t writes = 0;
  uint64_t reads = 0;
  uint64_t fsyncs = 0;
};
struct Snapshot {
  std::string instance_id = {};
  std::string snapshot_id = {};
  uint64_t wal_offset = 0;
  uint64_t size_bytes = 0;
  std::string checksum = {};
};
enum class CompactMode : uint8_t { kAsNeeded, kForceSnapshot };
struct Compacted {
  uint64_t snapshots_created = 0;
  uint64_t segments_deleted = 0;
  uint64_t bytes_reclaimed = 0;
  uint64_t total_snapshots = 0;
  uint64_t wal_segments = 0;
};

// ---- watching -----------------------------------------------------------------------------------

/// Where a stream begins: with what comes from now on, or with everything wanted from `from_offset`
/// on, or with everything behind `after_offset`; not both. `kinds` are names out of "transition",
/// "create" and "delete"; empty means transitions.
struct WatchInstance {
  std::string instance_id = {};
  bool include_ctx = true;
  std::optional<uint64_t> from_offset = {};
  std::optional<uint64_t> after_offset = {};
  std::vector<std::string> kinds = {};
};
struct WatchAll {  ///< AND between the fields, OR inside one, empty = all
  std::vector<std::string> machines = {};
  std::vector<std::string> events = {};
  std::vector<std::string> from_states = {};
  std::vector<std::string> to_states = {};
  bool include_ctx = true;
  std::optional<uint64_t> from_offset = {};
  std::optional<uint64_t> after_offset = {};
  std::vector<std::string> kinds = {};
};
/// One transition; or, for those who ask for `kinds`, the creation or the end of an instance. What
/// such a change lacks is "": the state before a creation, the state after a deletion, the event.
struct Notification {
  std::string subscription_id = {};
  std::string kind = {};  ///< "" unless `kinds` were asked for
  std::string instance_id = {};
  std::string machine = {};
  uint32_t version = 0;
  uint64_t wal_offset = 0;
  std::string from_state = {};
  std::string to_state = {};
  std::string event = {};
  std::string payload = {};
  std::string ctx = {};   ///< "" without include_ctx
  std::string json = {};  ///< the notification as it came
};

}  // namespace rstmdb::client
