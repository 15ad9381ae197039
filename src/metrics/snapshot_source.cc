#include "metrics/sources.h"

namespace rstmdb::metrics {
namespace {

constexpr double kNsPerSecond = 1e9;

}  // namespace

void add_snapshots(Text& text, const node::CompactionStats& stats, const node::StartStats& start) {
  text.counter("rstmdb_snapshots_taken_total", "Snapshots taken since the start.",
               stats.snapshots_taken);
  text.counter("rstmdb_snapshots_failed_total", "Attempts that led to none, or to no trim.",
               stats.snapshots_failed);
  text.gauge("rstmdb_snapshot_running", "1 while a snapshot is taken or the log trimmed.",
             uint64_t{stats.running});
  text.gauge("rstmdb_snapshots_kept", "Snapshots in the folder that count.", stats.kept);
  text.gauge("rstmdb_snapshot_last_offset", "Offset of the newest; 0: there is none.",
             stats.last_offset);
  text.gauge("rstmdb_snapshot_last_size_bytes", "Size of the newest.", stats.last_bytes);
  text.family("rstmdb_snapshot_duration_seconds", Text::Kind::kHistogram,
              "Of each snapshot taken, the time from its first row until it had its name.")
      .samples(stats.duration_ns, kNsPerSecond);
  text.gauge("rstmdb_snapshot_last_duration_seconds",
             "How long the last one took; 0 before the first since the start.",
             static_cast<double>(stats.last_duration_ms) / 1e3);
  text.gauge("rstmdb_snapshot_last_slice_seconds_max",
             "The longest that its walk held the loop up at once.",
             static_cast<double>(stats.last_slice_ns_max) / kNsPerSecond);
  text.counter("rstmdb_wal_segments_deleted_total", "Segments removed since the start.",
               stats.segments_deleted);
  text.counter("rstmdb_wal_bytes_reclaimed_total", "What they took on the disk.",
               stats.bytes_reclaimed);
  text.gauge("rstmdb_start_snapshot_bytes", "Snapshot that the start has loaded; 0: none.",
             start.snapshot_bytes);
  text.gauge("rstmdb_start_replayed_records", "Records that the start has folded.",
             start.replay.records_done);
}

}  // namespace rstmdb::metrics
