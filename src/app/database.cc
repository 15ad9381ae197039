#include "app/database.h"

#include "app/arguments.h"
#include "app/credentials.h"
#include "app/restore_report.h"
#include "base/logging.h"
#include "http/openapi.h"

namespace rstmdb::app {
namespace {

log::SyncPolicy sync_policy(const config::FsyncPolicy& policy) {
  using From = config::FsyncPolicy::Kind;
  using To = log::SyncPolicy::Kind;
  switch (policy.kind) {
    case From::kEveryWrite:
      return {To::kEveryWrite, 0};
    case From::kNever:
      return {To::kNever, 0};
    case From::kEveryN:
      return {To::kEveryN, policy.amount};
    case From::kEveryMs:
      return {To::kEveryMs, policy.amount};
  }
  check_failed(__FILE__, __LINE__, "known fsync policy", "");
}

uint64_t reserve_bytes(const config::Config& config) {
  return config.storage.min_free_mb * 1024 * 1024;
}

/// What idempotency keys may take is a part of the bound of memory, so that they do not use up what
/// is left at it.
engine::Bounds bounds(const config::Config::Storage& storage, uint64_t memory_bound) {
  const size_t keys_bytes = limits::kIdempotencyBytesMaxDefault;
  return {
      .machine_versions_max = storage.max_machine_versions,
      .key_ttl_ms = static_cast<int64_t>(storage.idempotency_ttl_secs) * 1000,
      .keys_max = storage.idempotency_keys_max,
      .keys_bytes_max =
          memory_bound == 0
              ? keys_bytes
              : std::min<size_t>(keys_bytes, memory_bound / limits::kIdempotencyMemoryParts),
  };
}

node::CompactionPolicy policy(const config::Config::Compaction& compaction) {
  return {
      .enabled = compaction.enabled,
      .records = compaction.events_threshold,
      .bytes = compaction.size_threshold_mb * 1024 * 1024,
      .interval_ms = static_cast<int64_t>(compaction.min_interval_secs) * 1000,
  };
}

void report_recovery(const log::Recovery& recovery) {
  if (recovery.created) return log_line(Level::kInfo, "a new log was made");
  log_line(Level::kInfo, "the log was opened",
           {{"segments", recovery.segments},
            {"groups", recovery.groups},
            {"clean_close", recovery.clean_close}});
  if (recovery.torn_bytes == 0) return;
  log_line(Level::kWarn,
           "a torn tail was cut: the end of a flush that nobody was told had succeeded",
           {{"file", recovery.torn_file},
            {"byte", recovery.torn_byte},
            {"bytes", recovery.torn_bytes},
            {"saved_as", recovery.torn_copy}});
}

void report_reading(const log::RecoveryProgress& progress, const Database::OnStep& on_step) {
  log_line(Level::kInfo, "reading the log",
           {{"segments", progress.segments_done},
            {"of", progress.segments_total},
            {"bytes", progress.bytes_done}});
  on_step("reading the log: " + std::to_string(progress.segments_done) + " of " +
          std::to_string(progress.segments_total) + " files");
}

void report_replay(const node::ReplayProgress& progress, const Database::OnStep& on_step) {
  const int64_t ms = std::max<int64_t>(progress.elapsed_ms, 1);
  log_line(Level::kInfo, "recovering",
           {{"records", progress.records_done},
            {"of", progress.records_total},
            {"records_per_second", progress.records_done * 1000 / static_cast<uint64_t>(ms)},
            {"elapsed_ms", progress.elapsed_ms}});
  on_step("recovering: " + std::to_string(progress.records_done) + " of " +
          std::to_string(progress.records_total) + " records");
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(World world, const config::Config& config,
                                                 std::function<void()> on_ending, OnStep on_step) {
  if (config.storage.on_log_failure == config::OnLogFailure::kServeReads) on_ending = {};
  std::unique_ptr<Database> database(
      new Database(world, config, std::move(on_ending), std::move(on_step)));
  const int64_t began_ns = world.clock.steady_ns();
  RSTMDB_TRY(database->open_tls(config));
  RSTMDB_TRY(database->open_log(config));
  RSTMDB_TRY(database->open_node(config));
  database->recovery_ns_.observe(world.clock.steady_ns() - began_ns);
  database->watch_disk(config);
  database->watch_memory();
  RSTMDB_TRY(database->listen(config));
  RSTMDB_TRY(database->open_monitoring(config));
  RSTMDB_TRY(database->open_gateway(config));
  return database;
}

Database::Database(World world, const config::Config& config, std::function<void()> on_ending,
                   OnStep on_step)
    : world_(world),
      on_ending_(std::move(on_ending)),
      on_step_(std::move(on_step)),
      snapshots_(world.files, config.storage.data_dir + "/snapshots") {}

Database::~Database() = default;

Result<void> Database::open_log(const config::Config& config) {
  // A database that has snapshots had a log: an empty one in its place would hide the loss.
  RSTMDB_ASSIGN(const std::vector<snapshot::Stored> stored, snapshots_.list());
  using WhenMissing = log::SegmentLog::WhenMissing;
  RSTMDB_ASSIGN(
      log::SegmentLog::Opened opened,
      log::SegmentLog::open({
          .files = world_.files,
          .loop = world_.loop,
          .worker = world_.worker,
          .background = world_.background,
          .clock = world_.clock,
          .random = world_.random,
          .folder = config.storage.data_dir + "/wal",
          .segment_bytes = config.storage.wal_segment_size_mb * 1024 * 1024,
          .sync = sync_policy(config.storage.fsync_policy),
          .reserve_bytes = reserve_bytes(config),
          .on_new_segment =
              [this] {
                if (disk_) disk_->look_at_space();
              },
          .when_missing = stored.empty() ? WhenMissing::kCreate : WhenMissing::kRefuse,
          .progress =
              [this](const log::RecoveryProgress& progress) { report_reading(progress, on_step_); },
          .ahead = world_.ahead,
      }));
  report_recovery(opened.recovery);
  log_ = std::move(opened.log);
  return {};
}

Result<node::Restored> Database::restore() {
  RSTMDB_TRY(snapshots_.prepare());
  RSTMDB_ASSIGN(
      node::Restored restored,
      node::restore({
          .folder = snapshots_,
          .database = log_->database(),
          .log = *log_,
          .clock = world_.clock,
          .hash_seed = world_.random.next_u64(),
          .ahead = world_.ahead,
          .progress =
              [this](const node::LoadProgress& progress) { report_load(progress, on_step_); },
      }));
  report_restored(restored);
  return restored;
}

Result<void> Database::open_node(const config::Config& config) {
  RSTMDB_ASSIGN(node::Restored restored, restore());
  const uint64_t memory_bound = memory_bound_bytes(config.storage.max_memory_mb, world_.memory);
  start_stats_.snapshot_bytes = restored.file_bytes;
  start_stats_.snapshot_ms = restored.elapsed_ms;
  RSTMDB_ASSIGN(node_, node::Node::open({
                           .log = *log_,
                           .loop = world_.loop,
                           .clock = world_.clock,
                           .random = world_.random,
                           .bounds = bounds(config.storage, memory_bound),
                           .memory_bound_bytes = memory_bound,
                           .disk_reserve_bytes = reserve_bytes(config),
                           .start = std::move(restored.start),
                           .ahead = world_.ahead,
                           .replay_progress =
                               [this](const node::ReplayProgress& progress) {
                                 report_replay(progress, on_step_);
                                 start_stats_.replay = progress;
                               },
                           .on_stopped = [this](const Error& error) { on_log_stopped(error); },
                       }));
  compaction_ = std::make_unique<node::Compaction>(node::Compaction::Options{
      .node = *node_,
      .loop = world_.loop,
      .worker = world_.background,
      .folder = snapshots_,
      .database = log_->database(),
      .policy = policy(config.compaction),
      .kept = std::move(restored.kept),
      .newest_bytes = restored.file_bytes,
      .log_bytes = start_stats_.replay.bytes_done,
      .oldest_needed =
          [this] {
            node_->hub().close_unneeded();
            return node_->hub().oldest_needed();
          },
  });
  node_->attach(*compaction_);
  // The loop keeps the task for good, and may outlive this database.
  world_.loop.at_turn_end([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) node_->end_turn();
  });
  return {};
}

void Database::on_log_stopped(const Error& error) {
  log_line(Level::kError, "the log has stopped; nothing more is written until a restart",
           {{"error", error.to_string()}});
  // Later, because whoever waits for the log is answered first.
  if (on_ending_) world_.loop.post([this] { on_ending_(); });
}

void Database::watch_disk(const config::Config& config) {
  disk_.emplace(DiskWatch::Options{.loop = world_.loop,
                                   .files = world_.files,
                                   .log = *log_,
                                   .node = *node_,
                                   .folder = config.storage.data_dir + "/wal"});
}

void Database::watch_memory() {
  if (world_.memory == nullptr) return;
  memory_.emplace(
      MemoryWatch::Options{.loop = world_.loop, .memory = *world_.memory, .node = *node_});
  log_line(Level::kInfo, "the state may grow until the process uses so much memory",
           {{"used_bytes", node_->memory().stats().used_bytes},
            {"limit_bytes", node_->memory().stats().bound_bytes}});
}

Result<void> Database::listen(const config::Config& config) {
  facts_.version = version();
  facts_.wal_segment_bytes = config.storage.wal_segment_size_mb * 1024 * 1024;
  facts_.auth_required = config.auth.required;
  facts_.credentials = credentials_of(config.auth);
  facts_.flush_all_allowed = config.storage.allow_flush_all;
  facts_.started_ns = world_.clock.steady_ns();
  RSTMDB_ASSIGN(
      server_, server::Server::listen({
                   .loop = world_.loop,
                   .net = tls_ ? static_cast<io::Net&>(*tls_) : world_.net,
                   .node = *node_,
                   .facts = facts_,
                   .address = config.network.bind_addr,
                   .connections_max = config.network.max_connections,
                   .idle_timeout_ms = static_cast<int64_t>(config.network.idle_timeout_secs) * 1000,
                   .ahead = world_.ahead,
               }));
  return {};
}

Result<void> Database::open_gateway(const config::Config& config) {
  if (!config.http.enabled) return {};
  std::vector<http::Page> pages = monitoring_->health_pages();
  pages.push_back(http::openapi_page());
  auto listening = http::Gateway::listen({
      .loop = world_.loop,
      .net = tls_ ? static_cast<io::Net&>(*tls_) : world_.net,
      .node = *node_,
      .facts = facts_,
      .guesses = server_->guesses(),
      .address = config.http.bind_addr,
      .pages = std::move(pages),
      .assets = config.http.console ? http::console_assets() : std::span<const http::Asset>(),
  });
  if (!listening.ok() && !config.http.address_chosen) {
    log_line(Level::kWarn, "HTTP is not served: the address is taken; set http.bind_addr",
             {{"address", config.http.bind_addr}, {"error", listening.error().to_string()}});
    return {};
  }
  RSTMDB_ASSIGN(gateway_, std::move(listening));
  log_line(Level::kInfo, "HTTP is served", {{"address", gateway_->address()}});
  return {};
}

/// The certificates, before the log is read: a wrong file is said at once.
Result<void> Database::open_tls(const config::Config& config) {
  if (!config.tls.enabled) return {};
  RSTMDB_ASSIGN(io::TlsContext context, load_tls(config.tls, world_.clock.wall_ms()));
  tls_ = std::make_unique<io::TlsNet>(io::TlsNet::Options{.below = world_.net,
                                                          .loop = world_.loop,
                                                          .worker = world_.handshakes,
                                                          .context = std::move(context)});
  return {};
}

Result<void> Database::reload(const config::Config& config) {
  if (tls_) {
    RSTMDB_ASSIGN(io::TlsContext context, load_tls(config.tls, world_.clock.wall_ms()));
    tls_->use(std::move(context));
  }
  facts_.credentials = credentials_of(config.auth);
  size_t ended = server_->credentials_changed();
  if (gateway_) ended += gateway_->credentials_changed();
  log_line(Level::kInfo, "credentials were read again",
           {{"credentials", facts_.credentials.size()}, {"sessions_ended", ended}});
  return {};
}

void Database::stop(std::move_only_function<void(Result<void>)> done) {
  stopping_ = true;
  compaction_->stop();
  auto close = [this, done = std::move(done)]() mutable { done(log_->close()); };
  if (!gateway_) return server_->drain(std::move(close));
  // Both at the same time; the log is closed when nobody waits for it any more.
  struct Doors {
    int open = 2;
    std::move_only_function<void()> close;
  };
  auto doors = std::make_shared<Doors>();  // shared by the two ends
  doors->close = std::move(close);
  const auto ended = [doors] {
    if (--doors->open == 0) doors->close();
  };
  gateway_->drain(ended);
  server_->drain(ended);
}

}  // namespace rstmdb::app
