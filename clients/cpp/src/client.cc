#include "rstmdb/client.h"

#include "decode.h"
#include "pool.h"
#include "request.h"
#include "subscription_core.h"

namespace rstmdb::client {
namespace {

constexpr Link::Send kNow = Link::Send::kNow;
constexpr Link::Send kSoon = Link::Send::kSoon;

/// A batch's results are of the types of its operations, so they are kept for reading the answer.
auto batch_decoder(const Batch& batch) {
  return [ops = batch.ops](json::Value result) { return decode_batch(result, ops); };
}

}  // namespace

std::string_view library_version() { return RSTMDB_VERSION; }

Client::Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}
Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  close();
  core_ = std::move(other.core_);
  return *this;
}

Client::~Client() { close(); }

Result<Client> Client::connect(Options options) {
  auto core = ClientCore::open(std::move(options));
  if (!core.ok()) return core.error();
  return Client(std::move(core).value());
}

void Client::close() {
  if (core_) core_->close();
}

Result<void> Client::ping(CallOptions call) {
  return core_
      ->send<void>(encode_plain("PING", Repeat::kAllowed), decode_nothing, std::move(call), kNow)
      .get();
}
Future<void> Client::ping_async(CallOptions call) {
  return core_->send<void>(encode_plain("PING", Repeat::kAllowed), decode_nothing, std::move(call),
                           kSoon);
}

Result<ServerFacts> Client::info(CallOptions call) {
  return core_
      ->send<ServerFacts>(encode_plain("INFO", Repeat::kAllowed), decode_server_facts,
                          std::move(call), kNow)
      .get();
}
Future<ServerFacts> Client::info_async(CallOptions call) {
  return core_->send<ServerFacts>(encode_plain("INFO", Repeat::kAllowed), decode_server_facts,
                                  std::move(call), kSoon);
}

Result<MachineStored> Client::put_machine(const PutMachine& machine, CallOptions call) {
  return core_->send<MachineStored>(encode(machine), decode_machine_stored, std::move(call), kNow)
      .get();
}
Future<MachineStored> Client::put_machine_async(const PutMachine& machine, CallOptions call) {
  return core_->send<MachineStored>(encode(machine), decode_machine_stored, std::move(call), kSoon);
}

Result<Machine> Client::get_machine(std::string_view machine, uint32_t version, CallOptions call) {
  return core_
      ->send<Machine>(encode_get_machine(machine, version), decode_machine, std::move(call), kNow)
      .get();
}
Future<Machine> Client::get_machine_async(std::string_view machine, uint32_t version,
                                          CallOptions call) {
  return core_->send<Machine>(encode_get_machine(machine, version), decode_machine, std::move(call),
                              kSoon);
}

Result<MachinePage> Client::list_machines(const Page& page, CallOptions call) {
  return core_->send<MachinePage>(encode(page), decode_machine_page, std::move(call), kNow).get();
}
Future<MachinePage> Client::list_machines_async(const Page& page, CallOptions call) {
  return core_->send<MachinePage>(encode(page), decode_machine_page, std::move(call), kSoon);
}

Result<InstanceCreated> Client::create_instance(const CreateInstance& create, CallOptions call) {
  return core_
      ->send<InstanceCreated>(encode(create, core_->keys()), decode_instance_created,
                              std::move(call), kNow)
      .get();
}
Future<InstanceCreated> Client::create_instance_async(const CreateInstance& create,
                                                      CallOptions call) {
  return core_->send<InstanceCreated>(encode(create, core_->keys()), decode_instance_created,
                                      std::move(call), kSoon);
}

Result<Instance> Client::get_instance(std::string_view instance_id, CallOptions call) {
  return core_
      ->send<Instance>(encode_instance("GET_INSTANCE", instance_id, Repeat::kAllowed),
                       decode_instance, std::move(call), kNow)
      .get();
}
Future<Instance> Client::get_instance_async(std::string_view instance_id, CallOptions call) {
  return core_->send<Instance>(encode_instance("GET_INSTANCE", instance_id, Repeat::kAllowed),
                               decode_instance, std::move(call), kSoon);
}

Result<InstancePage> Client::list_instances(const ListInstances& list, CallOptions call) {
  return core_->send<InstancePage>(encode(list), decode_instance_page, std::move(call), kNow).get();
}
Future<InstancePage> Client::list_instances_async(const ListInstances& list, CallOptions call) {
  return core_->send<InstancePage>(encode(list), decode_instance_page, std::move(call), kSoon);
}

Result<InstanceCounts> Client::count_instances(std::string_view machine, uint32_t version,
                                               CallOptions call) {
  return core_
      ->send<InstanceCounts>(encode_count_instances(machine, version), decode_instance_counts,
                             std::move(call), kNow)
      .get();
}
Future<InstanceCounts> Client::count_instances_async(std::string_view machine, uint32_t version,
                                                     CallOptions call) {
  return core_->send<InstanceCounts>(encode_count_instances(machine, version),
                                     decode_instance_counts, std::move(call), kSoon);
}

Result<History> Client::get_history(const GetHistory& get, CallOptions call) {
  return core_->send<History>(encode(get), decode_history, std::move(call), kNow).get();
}
Future<History> Client::get_history_async(const GetHistory& get, CallOptions call) {
  return core_->send<History>(encode(get), decode_history, std::move(call), kSoon);
}

Result<EventApplied> Client::apply_event(const ApplyEvent& event, CallOptions call) {
  return core_
      ->send<EventApplied>(encode(event, core_->keys()), decode_event_applied, std::move(call),
                           kNow)
      .get();
}
Future<EventApplied> Client::apply_event_async(const ApplyEvent& event, CallOptions call) {
  return core_->send<EventApplied>(encode(event, core_->keys()), decode_event_applied,
                                   std::move(call), kSoon);
}

Result<InstanceDeleted> Client::delete_instance(const DeleteInstance& remove, CallOptions call) {
  return core_
      ->send<InstanceDeleted>(encode(remove, core_->keys()), decode_instance_deleted,
                              std::move(call), kNow)
      .get();
}
Future<InstanceDeleted> Client::delete_instance_async(const DeleteInstance& remove,
                                                      CallOptions call) {
  return core_->send<InstanceDeleted>(encode(remove, core_->keys()), decode_instance_deleted,
                                      std::move(call), kSoon);
}

Result<BatchDone> Client::batch(const Batch& batch, CallOptions call) {
  return core_
      ->send<BatchDone>(encode(batch, core_->keys()), batch_decoder(batch), std::move(call), kNow)
      .get();
}
Future<BatchDone> Client::batch_async(const Batch& batch, CallOptions call) {
  return core_->send<BatchDone>(encode(batch, core_->keys()), batch_decoder(batch), std::move(call),
                                kSoon);
}

Result<Flushed> Client::flush_all(CallOptions call) {
  return core_
      ->send<Flushed>(encode_plain("FLUSH_ALL", Repeat::kNever), decode_flushed, std::move(call),
                      kNow)
      .get();
}
Future<Flushed> Client::flush_all_async(CallOptions call) {
  return core_->send<Flushed>(encode_plain("FLUSH_ALL", Repeat::kNever), decode_flushed,
                              std::move(call), kSoon);
}

Result<LogPage> Client::wal_read(uint64_t from_offset, uint64_t limit, CallOptions call) {
  return core_
      ->send<LogPage>(encode_wal_read(from_offset, limit), decode_log_page, std::move(call), kNow)
      .get();
}
Future<LogPage> Client::wal_read_async(uint64_t from_offset, uint64_t limit, CallOptions call) {
  return core_->send<LogPage>(encode_wal_read(from_offset, limit), decode_log_page, std::move(call),
                              kSoon);
}

Result<LogStats> Client::wal_stats(CallOptions call) {
  return core_
      ->send<LogStats>(encode_plain("WAL_STATS", Repeat::kAllowed), decode_log_stats,
                       std::move(call), kNow)
      .get();
}
Future<LogStats> Client::wal_stats_async(CallOptions call) {
  return core_->send<LogStats>(encode_plain("WAL_STATS", Repeat::kAllowed), decode_log_stats,
                               std::move(call), kSoon);
}

Result<Snapshot> Client::snapshot_instance(std::string_view instance_id, CallOptions call) {
  return core_
      ->send<Snapshot>(encode_instance("SNAPSHOT_INSTANCE", instance_id, Repeat::kNever),
                       decode_snapshot, std::move(call), kNow)
      .get();
}
Future<Snapshot> Client::snapshot_instance_async(std::string_view instance_id, CallOptions call) {
  return core_->send<Snapshot>(encode_instance("SNAPSHOT_INSTANCE", instance_id, Repeat::kNever),
                               decode_snapshot, std::move(call), kSoon);
}

Result<Compacted> Client::compact(CompactMode mode, CallOptions call) {
  return core_->send<Compacted>(encode(mode), decode_compacted, std::move(call), kNow).get();
}
Future<Compacted> Client::compact_async(CompactMode mode, CallOptions call) {
  return core_->send<Compacted>(encode(mode), decode_compacted, std::move(call), kSoon);
}

Result<std::string> Client::call(std::string_view op, std::string_view params, CallOptions call) {
  return core_->send<std::string>(encode_raw(op, params), decode_text, std::move(call), kNow).get();
}
Future<std::string> Client::call_async(std::string_view op, std::string_view params,
                                       CallOptions call) {
  return core_->send<std::string>(encode_raw(op, params), decode_text, std::move(call), kSoon);
}

Result<Subscription> Client::watch_instance(const WatchInstance& watch, CallOptions call) {
  auto core = SubscriptionCore::open(core_->options(), watch, core_->deadline_of(call), call.stop);
  if (!core.ok()) return core.error();
  return Subscription(std::move(core).value());
}

Result<Subscription> Client::watch_all(const WatchAll& watch, CallOptions call) {
  auto core = SubscriptionCore::open(core_->options(), watch, core_->deadline_of(call), call.stop);
  if (!core.ok()) return core.error();
  return Subscription(std::move(core).value());
}

Result<void> Client::unwatch(Subscription& subscription) { return subscription.close(); }

}  // namespace rstmdb::client
