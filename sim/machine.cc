#include "machine.h"

#include <algorithm>

#include "log/segment_format.h"
#include "standing.h"

namespace rstmdb::sim {

using Call = io::SimulatedFileSystem::Call;

namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kJobsBeforeSync = 4;
constexpr int64_t kTimersMs = 10;  // that are rounded up, and end a turn late

}  // namespace

Machine::Machine(const Options& options)
    : options_(options), dice_(options.seed), random_(options.seed + 1) {
  options_.disk.before_each_call(
      [this](Call call, const std::string& path) { on_call(call, path); });
}

Machine::~Machine() {
  bury();
  options_.disk.before_each_call({});
}

config::Config Machine::settings() const {
  config::Config config;
  config.network.bind_addr = "127.0.0.1:7401";
  config.storage.data_dir = "/data";
  config.storage.wal_segment_size_mb = 1;
  config.storage.min_free_mb = 4;
  config.storage.max_memory_mb = kMemoryMb;
  config.storage.on_log_failure =
      options_.seed % 2 == 0 ? config::OnLogFailure::kExit : config::OnLogFailure::kServeReads;
  using Policy = config::FsyncPolicy::Kind;
  const Swarm& swarm = options_.swarm;
  if (swarm.sync_every_n > 0) config.storage.fsync_policy = {Policy::kEveryN, swarm.sync_every_n};
  if (swarm.sync_every_ms > 0)
    config.storage.fsync_policy = {Policy::kEveryMs, swarm.sync_every_ms};
  if (swarm.sync_never > 0) config.storage.fsync_policy = {Policy::kNever, 0};
  if (swarm.tokens > 0) config.auth = token_settings();
  config.compaction.enabled = options_.swarm.compact_records > 0;
  config.compaction.events_threshold = options_.swarm.compact_records;
  config.compaction.min_interval_secs = 2;
  return config;
}

Result<void> Machine::start() {
  const Swarm& swarm = options_.swarm;
  const io::SimulatedWorker::Options jobs{.seed = options_.seed + ++lives_,
                                          .delay_ms_max = calm_ ? 0 : swarm.job_ms_max};
  worker_.emplace(options_.loop, jobs);
  background_.emplace(options_.loop, jobs);
  cut_ = ending_ = ended_clean_ = false;
  committed_at_cut_ = 0;
  commits_.clear();
  options_.disk.go_on();
  options_.trace.note("start", lives_);
  if (swarm.sync_every_ms > 0) options_.loop.at_turn_end([this] { note_commit(); });
  auto opened = app::Database::open({.loop = options_.loop,
                                     .worker = *worker_,
                                     .handshakes = *worker_,
                                     .background = *background_,
                                     .net = options_.net,
                                     .files = options_.disk,
                                     .clock = options_.clock,
                                     .random = random_,
                                     .memory = swarm.full_memory_percent > 0 ? &memory_ : nullptr},
                                    settings(), [this] { ending_ = true; });
  if (opened.ok()) database_ = std::move(opened).value();
  if (opened.ok() && !cut_) return {};
  Error error =
      opened.ok() ? Error(Code::kInternalError, "the power was cut") : std::move(opened).error();
  start_was_cut_ = cut_;
  options_.trace.note("no start", lives_, cut_, error.to_string());
  bury();
  return error;
}

bool Machine::stop(int64_t within_ms) {
  std::optional<bool> clean;
  options_.trace.note("stop", lives_);
  database_->stop([&](const Result<void>& closed) { clean = closed.ok(); });
  options_.loop.run_until([&] { return clean.has_value() || cut_; }, within_ms);
  options_.trace.note("stopped", lives_, clean.value_or(false));
  ended_clean_ = clean.value_or(false);
  return ended_clean_;
}

void Machine::cut_power() {
  if (cut_) return;
  committed_at_cut_ = committed_now();
  promised_ = database_ ? promised_now() : std::min(promised_, promised_if_cut_);
  cut_ = true;
  options_.trace.note("power cut", lives_, calls_);
  options_.disk.power_cut(dice_.below(UINT64_MAX));
  options_.disk.halt();
  options_.net.lose_server();
  options_.loop.stop();
}

void Machine::bury() {
  if (!cut_) {
    committed_at_cut_ = committed_now();
    if (database_) {
      promised_ = committed_now();  // the system goes on and has all of it
      promised_if_cut_ = ended_clean_ ? promised_ : promised_now();
    }
    options_.disk.kill();
    options_.disk.halt();
    options_.net.lose_server();
  }
  cut_ = true;
  cut_at_ = 0;
  database_.reset();
  worker_.reset();
  background_.reset();
  options_.loop.forget_all();
}

uint64_t Machine::committed_now() const {
  return cut_ || !database_ ? committed_at_cut_ : database_->node().log().committed();
}

void Machine::on_call(Call call, const std::string& path) {
  if (cut_) return;
  options_.trace.note("file", static_cast<uint64_t>(call), ++calls_, path);
  if (cut_at_ > 0 && calls_ >= cut_at_) return cut_power();
  const Swarm& swarm = options_.swarm;
  if (call != Call::kSync || calm_) return;
  if (swarm.sync_us_max > 0) pass(static_cast<int64_t>(dice_.below(swarm.sync_us_max)) * 1'000);
  if (swarm.slow_sync_in > 0 && dice_.below(swarm.slow_sync_in) == 0)
    pass(swarm.slow_sync_ms * kNsPerMs);
}

void Machine::pass(int64_t duration_ns) {
  options_.loop.pass(duration_ns);
  passed_ns_ += duration_ns;
}

void Machine::note_commit() {
  const uint64_t offset = committed_now();
  if (offset > 0 && (commits_.empty() || commits_.back().offset < offset))
    commits_.push_back({options_.loop.now_ns() - passed_ns_, offset});
}

/// docs/durability.md: what a power cut may take, policy by policy.
uint64_t Machine::promised_now() const {
  const Swarm& swarm = options_.swarm;
  const uint64_t committed = committed_now();
  const uint64_t durable = database_->node().log().durable();
  if (!swarm.is_lax()) return committed;
  // Once the log has stopped, its timer has, too.
  if (database_->node().gate().failed()) return durable;
  if (swarm.sync_every_n > 0)
    return std::max(durable, committed - std::min(committed, swarm.sync_every_n));
  if (swarm.sync_never > 0) return std::max(durable, first_of_newest_segment() - 1);
  // Its sync may wait behind the job under way and one that prepares a segment, and each begins as
  // late as the seed says.
  const int64_t late_ms = kJobsBeforeSync * (calm_ ? 0 : swarm.job_ms_max) + kTimersMs;
  const int64_t since_ns = options_.loop.now_ns() - passed_ns_ -
                           (static_cast<int64_t>(swarm.sync_every_ms) + late_ms) * kNsPerMs;
  const auto behind = std::ranges::upper_bound(commits_, since_ns, {}, &Commit::at_ns);
  return std::max(durable, behind == commits_.begin() ? 0 : std::prev(behind)->offset);
}

/// A segment was synced before the next one got its name.
uint64_t Machine::first_of_newest_segment() const {
  uint64_t first = 1;
  for (const std::string& path : options_.disk.paths()) {
    const auto offset = log::parse_segment_name(path.substr(path.rfind('/') + 1));
    if (offset) first = std::max<uint64_t>(first, *offset);
  }
  return first;
}

}  // namespace rstmdb::sim
