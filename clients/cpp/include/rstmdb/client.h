// The client of rstmdb.
//
//   using namespace rstmdb::client;
//   Client client = Client::connect({.host = "127.0.0.1"}).value();
//   auto done = client.apply_event({.instance_id = "order-1", .event = "PAY"});
//   if (done.ok()) use(done->to_state); else log(done.error().to_string());
//
// Every operation has three faces: `op()` gives a Result, `op().value()` throws what the Result
// holds, `op_async()` gives a Future at once, so that thousands of calls can be under way on one
// connection. The operations and their errors are those of the protocol; parameters and results
// are in types.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "rstmdb/error.h"
#include "rstmdb/future.h"
#include "rstmdb/json.h"
#include "rstmdb/options.h"
#include "rstmdb/result.h"
#include "rstmdb/subscription.h"
#include "rstmdb/types.h"

namespace rstmdb::client {

class ClientCore;

/// A connection, or a small pool of them, to one server. All calls may be made from any thread at
/// the same time. Calls made one after the other on the same instance take effect in that order,
/// also without waiting for the first answer; calls on different instances have no order unless
/// the caller waits. (A batch travels with the instance of its first operation.)
///
/// A call whose connection is lost is repeated if it is a read or carries an idempotency key (the
/// client gives every write one, unless told not to). Any other fails with kConnection, and
/// Error::maybe_applied() says whether it had been sent.
class Client {
 public:
  /// Connects, says HELLO and authenticates; one attempt. Fails with kConnection (detail `reason`:
  /// resolve, refused, unreachable, timeout, closed, tls or certificate), kServer (AUTH_FAILED, …),
  /// kProtocol or kArgument.
  static Result<Client> connect(Options options);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  /// As close().
  ~Client();

  /// Calls under way fail with kCancelled, connections end, threads are joined. Must not be called
  /// from a callback.
  void close();

  // ---- session ----
  Result<void> ping(CallOptions call = {});
  Future<void> ping_async(CallOptions call = {});
  Result<ServerFacts> info(CallOptions call = {});
  Future<ServerFacts> info_async(CallOptions call = {});

  // ---- machines ----
  Result<MachineStored> put_machine(const PutMachine& machine, CallOptions call = {});
  Future<MachineStored> put_machine_async(const PutMachine& machine, CallOptions call = {});
  /// `version` 0 = the latest.
  Result<Machine> get_machine(std::string_view machine, uint32_t version = 0,
                              CallOptions call = {});
  Future<Machine> get_machine_async(std::string_view machine, uint32_t version = 0,
                                    CallOptions call = {});
  Result<MachinePage> list_machines(const Page& page = {}, CallOptions call = {});
  Future<MachinePage> list_machines_async(const Page& page = {}, CallOptions call = {});

  // ---- instances and events ----
  Result<InstanceCreated> create_instance(const CreateInstance& create, CallOptions call = {});
  Future<InstanceCreated> create_instance_async(const CreateInstance& create,
                                                CallOptions call = {});
  Result<Instance> get_instance(std::string_view instance_id, CallOptions call = {});
  Future<Instance> get_instance_async(std::string_view instance_id, CallOptions call = {});
  Result<InstancePage> list_instances(const ListInstances& list = {}, CallOptions call = {});
  Future<InstancePage> list_instances_async(const ListInstances& list = {}, CallOptions call = {});
  /// `version` 0 = of all versions. Costs the same however many instances there are.
  Result<InstanceCounts> count_instances(std::string_view machine, uint32_t version = 0,
                                         CallOptions call = {});
  Future<InstanceCounts> count_instances_async(std::string_view machine, uint32_t version = 0,
                                               CallOptions call = {});
  /// What has happened to an instance, newest first, as far back as the log reaches; also of one
  /// that is deleted.
  Result<History> get_history(const GetHistory& get, CallOptions call = {});
  Future<History> get_history_async(const GetHistory& get, CallOptions call = {});
  Result<EventApplied> apply_event(const ApplyEvent& event, CallOptions call = {});
  Future<EventApplied> apply_event_async(const ApplyEvent& event, CallOptions call = {});
  Result<InstanceDeleted> delete_instance(const DeleteInstance& remove, CallOptions call = {});
  Future<InstanceDeleted> delete_instance_async(const DeleteInstance& remove,
                                                CallOptions call = {});
  Result<BatchDone> batch(const Batch& batch, CallOptions call = {});
  Future<BatchDone> batch_async(const Batch& batch, CallOptions call = {});
  /// Removes everything; only where the server's configuration allows it.
  Result<Flushed> flush_all(CallOptions call = {});
  Future<Flushed> flush_all_async(CallOptions call = {});

  // ---- log and snapshots ----
  /// Records from `from_offset` on (the first record has offset 1); `limit` 0 = the server's 100.
  Result<LogPage> wal_read(uint64_t from_offset, uint64_t limit = 0, CallOptions call = {});
  Future<LogPage> wal_read_async(uint64_t from_offset, uint64_t limit = 0, CallOptions call = {});
  Result<LogStats> wal_stats(CallOptions call = {});
  Future<LogStats> wal_stats_async(CallOptions call = {});
  Result<Snapshot> snapshot_instance(std::string_view instance_id, CallOptions call = {});
  Future<Snapshot> snapshot_instance_async(std::string_view instance_id, CallOptions call = {});
  Result<Compacted> compact(CompactMode mode = CompactMode::kAsNeeded, CallOptions call = {});
  Future<Compacted> compact_async(CompactMode mode = CompactMode::kAsNeeded, CallOptions call = {});

  // ---- watching: each subscription has a connection of its own ----
  Result<Subscription> watch_instance(const WatchInstance& watch, CallOptions call = {});
  Result<Subscription> watch_all(const WatchAll& watch = {}, CallOptions call = {});
  /// Ends `subscription`; the same as its close().
  Result<void> unwatch(Subscription& subscription);

  // ---- anything else ----
  /// Sends operation `op` with `params` (a JSON object as text, "" = none) and gives the result as
  /// JSON text. Adds nothing: it is repeated after a lost connection only if `op` is one of the
  /// reads or params hold an idempotency_key.
  Result<std::string> call(std::string_view op, std::string_view params, CallOptions call = {});
  Future<std::string> call_async(std::string_view op, std::string_view params,
                                 CallOptions call = {});

 private:
  explicit Client(std::shared_ptr<ClientCore> core);
  std::shared_ptr<ClientCore> core_;
};

/// A fresh random key (a UUID, version 4) as the client makes them for writes.
std::string make_idempotency_key();

/// The library's own version, `0.2.0`.
std::string_view library_version();

}  // namespace rstmdb::client
