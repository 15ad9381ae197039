#include "metrics/sources.h"

namespace rstmdb::metrics {
namespace {

constexpr double kNsPerSecond = 1e9;

}  // namespace

void add_log(Text& text, const log::Log& log) {
  using Kind = Text::Kind;
  const log::Stats stats = log.stats();
  text.gauge("rstmdb_wal_entries", "Records that the log holds.", stats.record_count);
  text.gauge("rstmdb_wal_segments", "Files of the log.", stats.segment_count);
  text.gauge("rstmdb_wal_size_bytes", "Bytes of the log in use.", stats.total_bytes);
  text.gauge("rstmdb_wal_oldest_offset", "First record that the log holds; 0: none.",
             stats.oldest_offset);
  text.gauge("rstmdb_wal_latest_offset", "Last record that has its place.", stats.latest_offset);
  text.gauge("rstmdb_wal_committed_offset", "Last record that is as safe as the policy promises.",
             log.committed());
  text.gauge("rstmdb_wal_uncommitted_bytes", "Bytes of writes that wait for the disk.",
             uint64_t{log.uncommitted_bytes()});
  text.counter("rstmdb_wal_bytes_written_total", "Bytes written to the log's files.",
               stats.bytes_written);
  text.counter("rstmdb_wal_bytes_read_total", "Bytes read from the log's files.", stats.bytes_read);
  text.counter("rstmdb_wal_writes_total", "Write calls of the log.", stats.writes);
  text.counter("rstmdb_wal_reads_total", "Read calls of the log.", stats.reads);
  text.counter("rstmdb_wal_fsyncs_total", "Sync calls of the log.", stats.syncs);
  text.family("rstmdb_wal_group_records", Kind::kHistogram,
              "Records that shared one trip to the disk.")
      .samples(stats.group_records, 1);
  text.family("rstmdb_wal_flush_duration_seconds", Kind::kHistogram,
              "One trip to the disk: the write, and the sync where the policy asks for one.")
      .samples(stats.flush_ns, kNsPerSecond);
  text.family("rstmdb_wal_commit_wait_seconds", Kind::kHistogram,
              "Of each trip to the disk, how long its oldest write waited from taking its place in "
              "the queue until it was committed.")
      .samples(stats.commit_wait_ns, kNsPerSecond);
}

}  // namespace rstmdb::metrics
