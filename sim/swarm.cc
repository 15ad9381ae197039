#include "swarm.h"

#include <concepts>

#include "crash/dice.h"

namespace rstmdb::sim {
namespace {

constexpr std::string_view kNames[] = {
    "power_cuts",   "kills",       "stops",        "recovery_cuts", "disk_errors", "full_disk",
    "bit_flips",    "slow_disk",   "slow_workers", "broken_links",  "held_links",  "slow_net",
    "slices",       "clock_jumps", "drift",        "watches",       "batches",     "keys",
    "retries",      "lists",       "log_reads",    "compaction",    "removals",    "pipelining",
    "many_clients", "big_bodies",  "lax_sync",     "histories",     "tokens",      "http",
    "full_memory"};
static_assert(std::size(kNames) == static_cast<size_t>(Part::kEnd));

/// Draws the same numbers whatever is left out, so that leaving out one part changes only that.
class Draw {
 public:
  Draw(uint64_t seed, Parts left_out) : dice_(seed), left_out_(left_out) {}

  /// `value` in `percent` of the seeds, else `otherwise`.
  template <class T>
  T some(Part part, uint64_t percent, T value, T otherwise = {}) {
    const bool chosen = dice_.percent(percent);
    return chosen && (left_out_ & bit(part)) == 0 ? value : otherwise;
  }
  uint64_t between(uint64_t low, uint64_t high) { return dice_.between(low, high); }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + static_cast<ptrdiff_t>(dice_.below(choices.size())));
  }

 private:
  crash::Dice dice_;
  Parts left_out_;
};

void draw_faults(Swarm& swarm, Draw& draw) {
  swarm.power_cuts = draw.some(Part::kPowerCuts, 70, static_cast<uint32_t>(draw.between(1, 4)));
  swarm.kills = draw.some(Part::kKills, 50, static_cast<uint32_t>(draw.between(1, 3)));
  swarm.stops = draw.some(Part::kStops, 50, static_cast<uint32_t>(draw.between(1, 2)));
  swarm.life_ms_max = draw.one_of<int64_t>({500, 3'000, 20'000, 60'000, 200'000});
  swarm.recovery_cut_percent = draw.some(Part::kRecoveryCuts, 50, 40u);
  swarm.disk_error_percent = draw.some(Part::kDiskErrors, 30, 50u);
  swarm.full_disk_percent = draw.some(Part::kFullDisk, 20, 40u);
  swarm.bit_flip_percent = draw.some(Part::kBitFlips, 20, 30u);
  swarm.sync_us_max = draw.some(Part::kSlowDisk, 60, draw.one_of<int64_t>({100, 2'000, 9'000}));
  swarm.slow_sync_in = draw.some(Part::kSlowDisk, 30, draw.one_of({50u, 500u}));
  swarm.slow_sync_ms = draw.one_of<int64_t>({20, 200, 2'000});
  swarm.job_ms_max = draw.some(Part::kSlowWorkers, 60, draw.one_of<int64_t>({2, 20, 300}));
  swarm.net_ms_max = draw.some(Part::kSlowNet, 70, draw.one_of<int64_t>({1, 5, 40, 300}));
  swarm.slice_bytes_max = draw.some(Part::kSlices, 40, draw.one_of<uint64_t>({1, 7, 100, 1'500}));
  // A byte at a time takes as many deliveries as a frame has bytes: those are not slow as well.
  if (swarm.slice_bytes_max > 0)
    swarm.net_ms_max = std::min<int64_t>(swarm.net_ms_max, swarm.slice_bytes_max < 100 ? 0 : 1);
  swarm.window_bytes =
      draw.some(Part::kSlices, 40, draw.one_of<size_t>({2'000, 20'000}), size_t{256 * 1024});
  swarm.break_in = draw.some(Part::kBrokenLinks, 50, draw.one_of({30u, 300u}));
  swarm.hold_in = draw.some(Part::kHeldLinks, 40, draw.one_of({30u, 300u}));
  swarm.jump_ms_max =
      draw.some(Part::kClockJumps, 40, draw.one_of<int64_t>({50, 60'000, 3'600'000}));
  swarm.drift_ppm =
      draw.some(Part::kDrift, 40, draw.one_of<int64_t>({-200'000, -200, 200, 500'000}));
}

void draw_sync(Swarm& swarm, Draw& draw) {
  const uint64_t policy = draw.some(Part::kLaxSync, 25, draw.between(1, 3));
  const auto writes = draw.one_of<uint64_t>({3, 20, 200});
  const auto ms = draw.one_of<uint64_t>({20, 300, 5'000});
  if (policy == 1) swarm.sync_every_n = writes;
  if (policy == 2) swarm.sync_every_ms = ms;
  if (policy == 3) swarm.sync_never = 1;
}

void draw_memory(Swarm& swarm, Draw& draw) {
  swarm.full_memory_percent = draw.some(Part::kFullMemory, 20, 50u);
}

void draw_work(Swarm& swarm, Draw& draw) {
  swarm.clients = draw.some(Part::kManyClients, 75, static_cast<uint32_t>(draw.between(2, 8)), 1u);
  swarm.think_ms_max = draw.one_of<int64_t>({300, 1'000, 2'000, 5'000});
  swarm.burst_max =
      draw.some(Part::kPipelining, 70, draw.one_of<uint64_t>({2, 5, 24}), uint64_t{1});
  swarm.instances = draw.one_of<uint64_t>({2, 8, 40, 200});
  swarm.padding_max = draw.some(Part::kBigBodies, 25, uint64_t{6'000}, uint64_t{60});
  swarm.dialects = static_cast<uint32_t>(draw.between(1, 7));
  swarm.http_percent = draw.some(Part::kHttp, 40, draw.one_of({30u, 100u}));
  swarm.tokens = draw.some(Part::kTokens, 30, 1u);
  swarm.machines = 1;
  swarm.creates = static_cast<uint32_t>(draw.between(2, 20));
  swarm.applies = static_cast<uint32_t>(draw.between(20, 100));
  swarm.removals = draw.some(Part::kRemovals, 60, static_cast<uint32_t>(draw.between(1, 10)));
  swarm.batches = draw.some(Part::kBatches, 60, static_cast<uint32_t>(draw.between(2, 20)));
  swarm.gets = static_cast<uint32_t>(draw.between(2, 40));
  swarm.lists = draw.some(Part::kLists, 50, static_cast<uint32_t>(draw.between(1, 8)));
  swarm.histories = draw.some(Part::kHistories, 50, static_cast<uint32_t>(draw.between(1, 8)));
  swarm.log_reads = draw.some(Part::kLogReads, 40, static_cast<uint32_t>(draw.between(1, 3)));
  swarm.watches = draw.some(Part::kWatches, 70, static_cast<uint32_t>(draw.between(1, 6)));
  swarm.compactions = draw.some(Part::kCompaction, 40, 1u);
  swarm.compact_records = draw.some(Part::kCompaction, 40, draw.one_of<uint64_t>({200, 2'000}));
  swarm.repeats = draw.some(Part::kRetries, 50, static_cast<uint32_t>(draw.between(1, 5)));
  swarm.key_percent = draw.some(Part::kKeys, 70, draw.one_of({20u, 60u, 100u}));
  swarm.expect_percent = draw.one_of({0u, 10u, 70u});
  swarm.retry_percent = draw.some(Part::kRetries, 75, 80u);
}

}  // namespace

std::string_view part_name(Part part) { return kNames[static_cast<size_t>(part)]; }

Swarm Swarm::draw(uint64_t seed, Parts left_out) {
  Draw draw(seed, left_out);
  Swarm swarm;
  draw_faults(swarm, draw);
  draw_work(swarm, draw);
  draw_sync(swarm, draw);
  draw_memory(swarm, draw);
  return swarm;
}

std::string Swarm::text() const {
  std::string out;
  const auto add = [&](std::string_view name, std::integral auto value) {
    if (value != 0)
      out.append(out.empty() ? "" : " ").append(name).append("=").append(std::to_string(value));
  };
  add("power_cuts", power_cuts);
  add("kills", kills);
  add("stops", stops);
  add("life_ms_max", life_ms_max);
  add("recovery_cut_percent", recovery_cut_percent);
  add("disk_error_percent", disk_error_percent);
  add("full_disk_percent", full_disk_percent);
  add("full_memory_percent", full_memory_percent);
  add("bit_flip_percent", bit_flip_percent);
  add("sync_us_max", sync_us_max);
  add("slow_sync_in", slow_sync_in);
  add("slow_sync_ms", slow_sync_ms);
  add("job_ms_max", job_ms_max);
  add("net_ms_max", net_ms_max);
  add("slice_bytes_max", slice_bytes_max);
  add("window_bytes", window_bytes);
  add("break_in", break_in);
  add("hold_in", hold_in);
  add("jump_ms_max", jump_ms_max);
  add("drift_ppm", drift_ppm);
  add("clients", clients);
  add("think_ms_max", think_ms_max);
  add("burst_max", burst_max);
  add("instances", instances);
  add("padding_max", padding_max);
  add("dialects", dialects);
  add("http_percent", http_percent);
  add("tokens", tokens);
  add("creates", creates);
  add("applies", applies);
  add("removals", removals);
  add("batches", batches);
  add("gets", gets);
  add("lists", lists);
  add("histories", histories);
  add("log_reads", log_reads);
  add("watches", watches);
  add("compactions", compactions);
  add("repeats", repeats);
  add("key_percent", key_percent);
  add("expect_percent", expect_percent);
  add("retry_percent", retry_percent);
  add("compact_records", compact_records);
  add("sync_every_n", sync_every_n);
  add("sync_every_ms", sync_every_ms);
  add("sync_never", sync_never);
  return out;
}

}  // namespace rstmdb::sim
