#include "api/ops/ops.h"

#include "base/check.h"

namespace rstmdb::api {

Handler handler_of(Operation operation) {
  switch (operation) {
    case Operation::kHello:
      return hello;
    case Operation::kAuth:
      return auth;
    case Operation::kPing:
      return ping;
    case Operation::kInfo:
      return info;
    case Operation::kBye:
      return bye;
    case Operation::kPutMachine:
      return put_machine;
    case Operation::kGetMachine:
      return get_machine;
    case Operation::kListMachines:
      return list_machines;
    case Operation::kCreateInstance:
      return create_instance;
    case Operation::kGetInstance:
      return get_instance;
    case Operation::kGetHistory:
      return get_history;
    case Operation::kListInstances:
      return list_instances;
    case Operation::kCountInstances:
      return count_instances;
    case Operation::kApplyEvent:
      return apply_event;
    case Operation::kDeleteInstance:
      return delete_instance;
    case Operation::kBatch:
      return batch;
    case Operation::kFlushAll:
      return flush_all;
    case Operation::kWatchInstance:
      return watch_instance;
    case Operation::kWatchAll:
      return watch_all;
    case Operation::kUnwatch:
      return unwatch;
    case Operation::kWalRead:
      return wal_read;
    case Operation::kWalStats:
      return wal_stats;
    case Operation::kSnapshotInstance:
      return snapshot_instance;
    case Operation::kCompact:
      return compact;
  }
  check_failed(__FILE__, __LINE__, "an operation of the table", "");
}

}  // namespace rstmdb::api
