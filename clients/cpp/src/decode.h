// Results from JSON to types. A field that the protocol promises and that is missing or of another
// type is an error of kind kProtocol that names it; unknown fields are ignored.
#pragma once

#include "json/document.h"
#include "rstmdb/types.h"

namespace rstmdb::client {

Result<void> decode_nothing(json::Value result);
Result<std::string> decode_text(json::Value result);
Result<ServerFacts> decode_server_facts(json::Value result);
Result<MachineStored> decode_machine_stored(json::Value result);
Result<Machine> decode_machine(json::Value result);
Result<MachinePage> decode_machine_page(json::Value result);
Result<InstanceCreated> decode_instance_created(json::Value result);
Result<Instance> decode_instance(json::Value result);
Result<InstancePage> decode_instance_page(json::Value result);
Result<InstanceCounts> decode_instance_counts(json::Value result);
Result<History> decode_history(json::Value result);
Result<EventApplied> decode_event_applied(json::Value result);
Result<InstanceDeleted> decode_instance_deleted(json::Value result);
/// `ops` tells what each result is of.
Result<BatchDone> decode_batch(json::Value result, const std::vector<BatchOperation>& ops);
Result<Flushed> decode_flushed(json::Value result);
Result<LogPage> decode_log_page(json::Value result);
Result<LogStats> decode_log_stats(json::Value result);
Result<Snapshot> decode_snapshot(json::Value result);
Result<Compacted> decode_compacted(json::Value result);

/// The answer to either WATCH.
struct Watching {
  std::string subscription_id;
  std::string state;  // "" for a watch of all
  uint64_t offset = 0;
  bool deleted = false;  // the instance
};
Result<Watching> decode_watching(json::Value result);
Result<Notification> decode_notification(json::Value event);

}  // namespace rstmdb::client
