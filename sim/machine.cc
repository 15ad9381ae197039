#include "machine.h"

namespace rstmdb::sim {

using Call = io::SimulatedFileSystem::Call;

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
  config.storage.on_log_failure =
      options_.seed % 2 == 0 ? config::OnLogFailure::kExit : config::OnLogFailure::kServeReads;
  if (options_.swarm.sync_every_n > 0) {
    config.storage.fsync_policy = {config::FsyncPolicy::Kind::kEveryN, options_.swarm.sync_every_n};
  }
  config.compaction.enabled = options_.swarm.compact_records > 0;
  config.compaction.events_threshold = options_.swarm.compact_records;
  config.compaction.min_interval_secs = 2;
  return config;
}

Result<void> Machine::start() {
  const io::SimulatedWorker::Options jobs{.seed = options_.seed + ++lives_,
                                          .delay_ms_max = calm_ ? 0 : options_.swarm.job_ms_max};
  worker_.emplace(options_.loop, jobs);
  background_.emplace(options_.loop, jobs);
  cut_ = ending_ = false;
  committed_at_cut_ = 0;
  options_.trace.note("start", lives_);
  auto opened = app::Database::open({.loop = options_.loop,
                                     .worker = *worker_,
                                     .handshakes = *worker_,
                                     .background = *background_,
                                     .net = options_.net,
                                     .files = options_.disk,
                                     .clock = options_.clock,
                                     .random = random_},
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
  return clean.value_or(false);
}

void Machine::cut_power() {
  if (cut_) return;
  committed_at_cut_ = committed_now();
  cut_ = true;
  options_.trace.note("power cut", lives_, calls_);
  options_.disk.power_cut(dice_.below(UINT64_MAX));
  options_.net.lose_server();
  options_.loop.stop();
}

void Machine::bury() {
  if (!cut_) {
    committed_at_cut_ = committed_now();
    options_.disk.kill();
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
  if (swarm.sync_us_max > 0)
    options_.loop.pass(static_cast<int64_t>(dice_.below(swarm.sync_us_max)) * 1'000);
  if (swarm.slow_sync_in > 0 && dice_.below(swarm.slow_sync_in) == 0)
    options_.loop.pass(swarm.slow_sync_ms * 1'000'000);
}

}  // namespace rstmdb::sim
