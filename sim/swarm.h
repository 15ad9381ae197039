// What a seed draws for its run: what the clients do, what goes wrong, and how often. Each seed has
// its own mix; most leave most of it out, so that what is rare elsewhere is common somewhere
// (Groce et al., Swarm Testing).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rstmdb::sim {

/// A part of the mix that can be left out to find out which of them a failure needs.
enum class Part : uint8_t {
  kPowerCuts,
  kKills,
  kStops,
  kRecoveryCuts,
  kDiskErrors,
  kFullDisk,
  kBitFlips,
  kSlowDisk,
  kSlowWorkers,
  kBrokenLinks,
  kHeldLinks,
  kSlowNet,
  kSlices,
  kClockJumps,
  kDrift,
  kWatches,
  kBatches,
  kKeys,
  kRetries,
  kLists,
  kLogReads,
  kCompaction,
  kRemovals,
  kPipelining,
  kManyClients,
  kBigBodies,
  kLaxSync,
  kHistories,
  kTokens,
  kHttp,
  kFullMemory,
  kEnd
};
using Parts = uint32_t;  // a bit for each
constexpr Parts bit(Part part) { return Parts{1} << static_cast<unsigned>(part); }
std::string_view part_name(Part part);

struct Swarm {
  // How each of the server's lives ends: one in so many, by chance among the three.
  uint32_t power_cuts = 0, kills = 0, stops = 0;
  int64_t life_ms_max = 0;
  uint32_t recovery_cut_percent = 0;  // of the starts

  uint32_t disk_error_percent = 0;  // of the lives
  uint32_t full_disk_percent = 0;
  uint32_t full_memory_percent = 0;
  uint32_t bit_flip_percent = 0;
  int64_t sync_us_max = 0;
  uint32_t slow_sync_in = 0;  // one in so many takes slow_sync_ms; 0: none
  int64_t slow_sync_ms = 0;
  int64_t job_ms_max = 0;  // until a worker begins a job

  int64_t net_ms_max = 0;
  uint64_t slice_bytes_max = 0;
  size_t window_bytes = 256 * 1024;
  uint32_t break_in = 0;  // one in so many steps of a client breaks its connection; 0: none
  uint32_t hold_in = 0;   // ... nothing arrives on it any more for a while, or for ever
  int64_t jump_ms_max = 0;
  int64_t drift_ppm = 0;

  uint32_t clients = 1;
  int64_t think_ms_max = 1'000;
  uint64_t burst_max = 1;
  uint64_t instances = 8;  // that the clients like to have
  uint64_t padding_max = 20;
  uint32_t dialects = 1;      // a bit for each
  uint32_t http_percent = 0;  // of the clients
  uint32_t tokens = 0;        // whether callers have to show one

  // Weights of what a client asks for.
  uint32_t creates = 0, applies = 0, removals = 0, batches = 0, gets = 0, lists = 0, histories = 0,
           log_reads = 0, watches = 0, compactions = 0, machines = 0, repeats = 0;
  uint32_t key_percent = 0;
  uint32_t expect_percent = 0;  // of the events: an expected state or offset
  uint32_t retry_percent = 0;   // of what got no answer and may be sent again

  uint64_t compact_records = 0;  // 0: only when asked for
  // When the log is synced: at each write, or by one of these.
  uint64_t sync_every_n = 0;
  uint64_t sync_every_ms = 0;
  uint32_t sync_never = 0;
  bool is_lax() const { return sync_every_n > 0 || sync_every_ms > 0 || sync_never > 0; }

  /// The mix of `seed` without the `left_out` parts.
  static Swarm draw(uint64_t seed, Parts left_out);
  std::string text() const;
};

}  // namespace rstmdb::sim
