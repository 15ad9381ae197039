#include "node/compaction.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/logging.h"
#include "node/node.h"

namespace rstmdb::node {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

Error stopping() {
  return Error(Code::kRateLimited, "the server is stopping").with("code", "STOPPING");
}

/// What a caller learns; file and call are for the operator's eyes.
Error for_callers(const Error& error) {
  if (error.code() == Code::kRateLimited) return error;
  return Error(Code::kWalIoError, "the snapshot could not be taken")
      .with("code", "SNAPSHOT_FAILED");
}

}  // namespace

/// The worker's part of giving a snapshot its name. Short, so it is never cut off in the middle.
class Compaction::Publication {
 public:
  Publication(Compaction* waiting, const snapshot::Folder& folder, uint64_t offset)
      : owner(waiting), folder_(folder), offset_(offset) {}

  void work() {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    outcome = folder_.publish(offset_);
    if (!outcome.ok()) return;
    auto left = folder_.prune();
    // Too many are no fault of the new one: it counts, and the next attempt removes them.
    if (left.ok()) kept = std::move(*left);
  }
  /// Nobody waits any more, and nothing is begun after this returns.
  void settle() {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    owner = nullptr;
  }

  Compaction* owner;  // null once given up; loop's thread only
  Result<void> outcome;
  std::vector<snapshot::Stored> kept;  // empty: could not be looked up

 private:
  const snapshot::Folder folder_;
  const uint64_t offset_;
  std::mutex mutex_;  // held for the length of the work
  bool given_up_ = false;
};

Compaction::Compaction(Options options) : options_(std::move(options)) {
  stats_.kept = options_.kept.size();
  stats_.last_bytes = options_.newest_bytes;
  if (!options_.kept.empty()) stats_.last_offset = options_.kept.back().offset;
  attempted_ns_ = options_.node.clock().steady_ns();
}

Compaction::~Compaction() { give_up(); }

CompactionStats Compaction::stats() const {
  CompactionStats now = stats_;
  now.running = phase_ != Phase::kIdle;
  return now;
}

uint64_t Compaction::log_bytes_since_last() const {
  return options_.log_bytes + options_.node.bytes_appended() - log_bytes_at_last_;
}

bool Compaction::due() {
  const CompactionPolicy& policy = options_.policy;
  if (!policy.enabled || refusal_) return false;
  const uint64_t records = options_.node.head() - stats_.last_offset;
  const uint64_t bytes = log_bytes_since_last();
  if (records == 0 || (records < policy.records && bytes < policy.bytes)) return false;
  if (bytes < stats_.last_bytes) return false;
  const int64_t age_ns = options_.node.clock().steady_ns() - attempted_ns_;
  return age_ns >= policy.interval_ms * kNsPerMs;
}

void Compaction::on_turn_end() {
  if (phase_ == Phase::kIdle) {
    if (!waiting_.empty()) {
      refusal_ ? end(*refusal_) : begin(std::exchange(wanted_, Snapshot::kIfNew));
    } else if (due()) {
      begin(Snapshot::kIfNew);
    }
    return;
  }
  // One in a turn, so that input is read and the log flushed between any two.
  if (phase_ == Phase::kTaking) take_slice();
}

void Compaction::take_slice() {
  io::Clock& clock = options_.node.clock();
  const int64_t began_ns = clock.steady_ns();
  const bool more = run_->step();
  slice_ns_max_ = std::max(slice_ns_max_, clock.steady_ns() - began_ns);
  if (more) options_.loop.post([] {});
}

void Compaction::compact(Snapshot wanted, Done done) {
  waiting_.push_back(std::move(done));
  if (phase_ != Phase::kIdle) return;
  wanted_ = std::max(wanted_, wanted);
  options_.loop.post([] {});  // it begins at the end of a turn
}

void Compaction::begin(Snapshot wanted) {
  result_ = {};
  const bool news = options_.kept.empty() || options_.node.head() > stats_.last_offset;
  if (news || wanted == Snapshot::kAlways) return begin_snapshot();
  trim();
}

void Compaction::begin_snapshot() {
  phase_ = Phase::kTaking;
  began_ns_ = attempted_ns_ = options_.node.clock().steady_ns();
  log_bytes_at_run_ = options_.node.bytes_appended();
  slice_ns_max_ = 0;
  run_ = options_.node.begin_snapshot(
      options_.database, options_.folder, options_.worker,
      [this](Result<SnapshotRun::Written> outcome) { snapshot_written(std::move(outcome)); });
  options_.loop.post([] {});  // the first slice comes at the end of a turn
}

void Compaction::snapshot_written(Result<SnapshotRun::Written> outcome) {
  run_.reset();
  if (!outcome.ok()) {
    // What is to be written now is next to nothing.
    if (outcome.error().detail("code") == "SNAPSHOT_FLUSHED") return begin_snapshot();
    return fail(outcome.error());
  }
  written_ = *outcome;
  phase_ = Phase::kWaitingForLog;
  log::Log& log = options_.node.log();
  if (log.durable() >= written_.facts.last_offset) return publish();
  log.sync();
}

void Compaction::on_durable(log::Offset offset) {
  if (phase_ == Phase::kWaitingForLog && offset >= written_.facts.last_offset) publish();
}

void Compaction::publish() {
  phase_ = Phase::kNaming;
  publication_ = std::make_shared<Publication>(this, options_.folder, written_.facts.last_offset);
  options_.worker.run([work = publication_] { work->work(); },
                      [work = publication_] {
                        if (work->owner != nullptr) work->owner->published();
                      });
}

void Compaction::published() {
  const std::shared_ptr<Publication> publication = std::exchange(publication_, nullptr);
  if (!publication->outcome.ok()) return fail(publication->outcome.error());
  const uint64_t offset = written_.facts.last_offset;
  if (!publication->kept.empty()) {
    options_.kept = publication->kept;
  } else if (options_.kept.empty() || options_.kept.back().offset != offset) {
    options_.kept.push_back({offset, options_.folder.path_of(offset)});
  }
  options_.log_bytes = 0;
  log_bytes_at_last_ = log_bytes_at_run_;
  const int64_t took_ns = options_.node.clock().steady_ns() - began_ns_;
  stats_.snapshots_taken += 1;
  stats_.last_offset = offset;
  stats_.last_bytes = written_.file_bytes;
  stats_.duration_ns.observe(took_ns);
  stats_.last_duration_ms = took_ns / kNsPerMs;
  stats_.last_slice_ns_max = slice_ns_max_;
  stats_.kept = options_.kept.size();
  result_.snapshots_created = 1;
  log_line(Level::kInfo, "a snapshot was taken",
           {{"offset", offset},
            {"rows", written_.rows},
            {"bytes", written_.file_bytes},
            {"ms", stats_.last_duration_ms},
            {"longest_slice_us", slice_ns_max_ / 1000}});
  trim();
}

void Compaction::trim() {
  phase_ = Phase::kTrimming;
  log::Offset keep_from = 0;
  if (options_.kept.size() >= limits::kSnapshotsKept)
    keep_from = std::min(options_.kept.front().offset + 1, options_.oldest_needed());
  options_.node.log().trim(keep_from, [this](const Result<log::Trimmed>& outcome) {
    if (phase_ == Phase::kTrimming) trimmed(outcome);
  });
}

void Compaction::trimmed(const Result<log::Trimmed>& outcome) {
  if (!outcome.ok()) return fail(outcome.error());
  result_.segments_deleted = outcome->segments_removed;
  result_.bytes_reclaimed = outcome->bytes_reclaimed;
  result_.total_snapshots = options_.kept.size();
  result_.wal_segments = options_.node.log().stats().segment_count;
  stats_.segments_deleted += outcome->segments_removed;
  stats_.bytes_reclaimed += outcome->bytes_reclaimed;
  if (outcome->segments_removed != 0)
    log_line(Level::kInfo, "the log was trimmed",
             {{"segments", outcome->segments_removed}, {"bytes", outcome->bytes_reclaimed}});
  end(result_);
}

void Compaction::fail(const Error& error) {
  ++stats_.snapshots_failed;
  log_line(Level::kWarn, "no snapshot was taken, or the log was not trimmed",
           {{"error", error.to_string()}});
  end(for_callers(error));
}

void Compaction::end(const Result<Compacted>& outcome) {
  phase_ = Phase::kIdle;
  std::vector<Done> waiting = std::exchange(waiting_, {});
  for (Done& done : waiting) done(outcome);
}

void Compaction::give_up() {
  run_.reset();
  // Waited for: the folder is another process's as soon as the log has been closed.
  if (publication_) std::exchange(publication_, nullptr)->settle();
  phase_ = Phase::kIdle;
}

void Compaction::stop() {
  refusal_ = stopping();
  give_up();
  end(*refusal_);
}

void Compaction::on_log_stopped(const Error& error) {
  refusal_ = error;
  run_.reset();
  // Not waited for, should the disk hang: the snapshot is right whatever becomes of the log.
  if (publication_) std::exchange(publication_, nullptr)->owner = nullptr;
  end(*refusal_);
}

}  // namespace rstmdb::node
