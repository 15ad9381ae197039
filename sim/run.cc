#include "run.h"

#include <cerrno>

namespace rstmdb::sim {
namespace {

constexpr int64_t kAuditMs = 400;
constexpr size_t kSlicedBytes = 64;
constexpr int64_t kStopMs = 20'000;
constexpr int64_t kCalmMs = 30'000;  // in which everything must be answered
constexpr uint64_t kStartsMax = 12;  // in a row that may fail
constexpr uint64_t kComparedMax = 400;
constexpr uint64_t kRoomBytes = UINT64_MAX / 2;

}  // namespace

Run::Run(const Options& options)
    : options_(options),
      swarm_(Swarm::draw(options.seed, options.left_out)),
      dice_(options.seed * 31 + 7),
      loop_({.seed = options.seed}),
      clock_(loop_),
      net_(loop_, {.seed = options.seed + 2,
                   .slice_bytes_max = swarm_.slice_bytes_max,
                   .sliced_bytes = kSlicedBytes,
                   .delay_ms_max = swarm_.net_ms_max,
                   .window_bytes = swarm_.window_bytes}),
      trace_(loop_, options.show),
      oracle_(findings_),
      workload_(oracle_, swarm_, options.seed + 3),
      auditor_(oracle_),
      machine_({.seed = options.seed + 4,
                .swarm = swarm_,
                .loop = loop_,
                .clock = clock_,
                .net = net_,
                .disk = disk_,
                .trace = trace_}) {
  clock_.drift(swarm_.drift_ppm);
  for (uint32_t number = 0; number < swarm_.clients; ++number) {
    clients_.push_back(std::make_unique<Client>(
        Client::Options{.number = number,
                        .seed = options.seed * 1'000 + number,
                        .swarm = swarm_,
                        .loop = loop_,
                        .net = net_,
                        .oracle = oracle_,
                        .workload = workload_,
                        .trace = trace_,
                        .connections = connections_,
                        .committed = [this] { return machine_.committed(); }}));
  }
}

void Run::go() {
  while (now_ms() < options_.time_ms && findings_.sound()) {
    choose_faults();
    if (!start()) return;
    live();
  }
  if (findings_.sound()) finish();
}

/// Starts until it succeeds. A start may fail when the power is cut or the disk fails; then the
/// next one finds a disk that is mended.
bool Run::start() {
  for (uint64_t tries = 0; tries < kStartsMax; ++tries) {
    if (!calm_ && dice_.percent(swarm_.recovery_cut_percent) && tries + 1 < kStartsMax)
      machine_.cut_at(dice_.between(1, tries % 2 == 0 ? 60 : 400));
    if (start_once()) return findings_.sound();
    if (!findings_.sound()) return false;
    ++counts_.failed_starts;
  }
  findings_.violate(Rule::kComesBack, "the server does not start again");
  return false;
}

bool Run::start_once() {
  const Result<void> started = machine_.start();
  if (started.ok()) {
    adopt();
    return true;
  }
  if (machine_.was_cut()) {
    was_cut_ = true;
    return false;
  }
  findings_.check(Rule::kComesBack, disk_may_fail_,
                  [&] { return "the server does not start: " + started.error().to_string(); });
  disk_.clear_faults();
  disk_may_fail_ = false;
  return false;
}

/// The server is there: what its log holds decides what became of everything.
void Run::adopt() {
  ++counts_.lives;
  oracle_.excuse(
      {.log_stops = disk_may_fail_, .refuses = disk_may_fail_, .lax = swarm_.is_lax() && was_cut_});
  was_cut_ = false;
  auditor_.attach(machine_.database().node());
  const Result<void> read = auditor_.read();
  findings_.check(Rule::kComesBack, read.ok() || disk_may_fail_ || machine_.is_cut(), [&] {
    return "the log cannot be read after a start: " + read.error().to_string();
  });
  if (!read.ok()) {
    // A fault struck the reading; the disk is mended for the second one.
    disk_.clear_faults();
    // Either reading may be cut short.
    if (!machine_.is_cut() && !auditor_.read().ok() && !machine_.is_cut())
      findings_.violate(Rule::kComesBack, "the log cannot be read with a mended disk");
  }
  if (machine_.is_cut()) return;
  findings_.check(Rule::kNothingLost, machine_.promised() <= oracle_.last_offset(), [&] {
    return "the log ends at " + std::to_string(oracle_.last_offset()) + ", the policy promises " +
           std::to_string(machine_.promised());
  });
  const uint64_t found = machine_.database().node().state().last_offset();
  findings_.check(Rule::kNothingLost, found >= oracle_.last_offset(), [&] {
    return "the log ends at " + std::to_string(found) + ", " +
           std::to_string(oracle_.last_offset()) + " was on the disk before";
  });
  trace_.note("adopted", oracle_.last_offset(), found);
  auditor_.compare_states();
  oracle_.restarted();
  workload_.restarted();
}

void Run::live() {
  const int64_t left_ms = options_.time_ms - now_ms();
  const End how = draw_end();
  int64_t life_ms = 1 + static_cast<int64_t>(dice_.below(swarm_.life_ms_max));
  if (how == End::kLimit) life_ms = left_ms;
  if (how == End::kPowerCut && dice_.percent(60)) machine_.cut_at(dice_.between(1, 600));
  for (const auto& client : clients_) client->begin();
  audit_later();
  jump_clock();
  if (dice_.percent(swarm_.full_disk_percent)) fill_disk();
  if (dice_.percent(swarm_.full_memory_percent)) fill_memory();
  loop_.run_until(
      [this] { return machine_.is_cut() || machine_.wants_to_end() || !findings_.sound(); },
      std::min(life_ms, std::max<int64_t>(left_ms, 1)));
  end(how);
}

Run::End Run::draw_end() {
  const uint64_t sum = swarm_.power_cuts + swarm_.kills + swarm_.stops;
  if (must_cut_) return End::kPowerCut;
  if (sum == 0) return End::kLimit;
  const uint64_t drawn = dice_.below(sum);
  if (drawn < swarm_.power_cuts) return End::kPowerCut;
  return drawn < swarm_.power_cuts + swarm_.kills ? End::kKill : End::kStop;
}

void Run::end(End how) {
  if (machine_.wants_to_end()) ++counts_.log_stops;
  if (must_cut_) how = End::kPowerCut;
  const bool stops = how == End::kStop || how == End::kLimit || machine_.wants_to_end();
  if (stops && !machine_.is_cut() && how != End::kPowerCut) {
    ++counts_.stops;
    Excuses excuses = oracle_.excuses();
    const bool excused = excuses.log_stops;
    excuses.refuses = true;
    oracle_.excuse(excuses);
    const bool clean = machine_.stop(kStopMs);
    findings_.check(Rule::kComesBack, clean || excused || machine_.is_cut(),
                    [] { return "no clean end"; });
  } else if (how == End::kPowerCut && !machine_.is_cut()) {
    machine_.cut_power();
  }
  was_cut_ = machine_.is_cut();
  ++(was_cut_ ? counts_.power_cuts : counts_.kills);
  settle();
}

/// The server is gone.
void Run::settle() {
  if (!machine_.is_cut()) net_.lose_server();
  for (const auto& client : clients_) client->lose();
  auditor_.detach();
  machine_.bury();
  disk_.clear_faults();
  disk_.set_free_bytes(kRoomBytes);
  machine_.memory().use(0);
  disk_may_fail_ = must_cut_ = false;
  loop_.pass(static_cast<int64_t>(dice_.below(3'000)) * 1'000'000);
}

void Run::audit_later() {
  loop_.run_after(kAuditMs, [this] {
    audit();
    audit_later();
  });
}

void Run::audit() {
  const Result<void> read = auditor_.read();
  findings_.check(Rule::kLogDense, read.ok() || oracle_.excuses().log_stops || machine_.is_cut(),
                  [&] { return "the log cannot be read: " + read.error().to_string(); });
  auditor_.compare_states();
  oracle_.judge();
}

/// Faults stop; whoever waits must be answered, and whoever watches told.
void Run::finish() {
  calm_ = true;
  machine_.calm_down();
  net_.set_pace(0, 2);
  if (!start()) return;
  for (const auto& client : clients_) {
    client->calm_down();
    client->begin();
  }
  audit_later();
  const auto done = [this] {
    for (const auto& client : clients_)
      if (!client->idle()) return false;
    return true;
  };
  int64_t waited_ms = 0;
  const int64_t began_ms = now_ms();
  loop_.run_for(500);
  bool whole = false;
  while (!whole && waited_ms < kCalmMs && findings_.sound()) {
    loop_.run_for(kAuditMs);
    waited_ms = now_ms() - began_ms;
    machine_.database().node().log().sync();
    whole = done() && oracle_.streams_are_whole();
  }
  findings_.check(Rule::kAnswersCome, whole || !findings_.sound(), [&] {
    return "30 s after the last fault not everything is answered, or " + oracle_.lacking();
  });
  if (!findings_.sound()) return;
  // Where not each write is synced: the oracle has seen only what survives a power cut.
  machine_.database().node().log().sync();
  loop_.run_for(10);
  audit();
  compare_instances();
  final_hash_ = machine_.database().node().state().hash();
  findings_.check(Rule::kComesBack, machine_.stop(kStopMs), [] { return "no clean end"; });
  settle();
  if (!start()) return;
  findings_.check(Rule::kState, machine_.database().node().state().hash() == final_hash_,
                  [] { return "the state is another one after a clean end"; });
  machine_.stop(kStopMs);
  settle();
  if (findings_.sound()) damage_copies();
}

/// The state's instances against those of the fold.
void Run::compare_instances() {
  const engine::State& state = machine_.database().node().state();
  uint64_t compared = 0;
  for (const auto& [id, folded] : oracle_.fold().instances()) {
    if (++compared > kComparedMax) break;
    crash::InstanceRead read{.instance_id = id};
    const auto slot = state.instances().find(id);
    if (slot && !state.instances().at(*slot).deleted()) {
      const engine::Instance& instance = state.instances().at(*slot);
      const engine::StoredDefinition& stored = state.machines().at(instance.definition);
      read.found = true;
      read.machine = stored.machine->name;
      read.state = stored.state_name(instance.state);
      read.context = instance.context();
      read.last_offset = instance.last_offset;
      read.created_at = instance.created_at;
      read.updated_at = instance.updated_at;
    }
    oracle_.compare(read);
  }
}

}  // namespace rstmdb::sim
