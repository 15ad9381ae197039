#include "log/segment_log.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "log/flush_job.h"
#include "log/segment_cursor.h"
#include "log/segment_preparation.h"
#include "log/segment_trim.h"

namespace rstmdb::log {
namespace {

/// From this average on, flushes go to the worker.
constexpr int64_t kSlowFlushNs = 2'000'000;
constexpr int64_t kAverageOver = 8;  // flushes
/// A log that has taken this much since it was opened will take more: it gets a zeroed segment
/// soon.
constexpr uint64_t kBusyBytes = 1024 * 1024;
/// How much of the next segment is zeroed for each byte that the log takes meanwhile: it is ready
/// in time when that begins at half a segment, and at no time is the disk busier with zeros than
/// this.
constexpr double kZerosPerByte = 2.5;
/// Where the log writes into a segment without zeros each flush waits for the file system's journal
/// too. Then zeros are also written this long after the last ones, however little the log takes: a
/// lone writer has a zeroed segment after seconds, not after half a gigabyte.
constexpr int64_t kZerosPauseNs = 2'000'000;
constexpr size_t kReusedBytesMax = 1024 * 1024;

size_t stored_bytes(const Unit& unit) { return kUnitHeaderBytes + unit.bytes.size(); }

}  // namespace

Result<SegmentLog::Opened> SegmentLog::open(Options options) {
  io::FileSystem& files = options.files;
  RSTMDB_TRY(ensure_folder(files, options.folder));
  RSTMDB_ASSIGN(std::unique_ptr<io::Lock> lock, files.lock(options.folder + "/LOCK"));
  RSTMDB_ASSIGN(Recovered recovered,
                recover(files, options.folder, options.progress, options.ahead));
  std::unique_ptr<SegmentWriter> writer;
  if (recovered.segments.empty()) {
    if (options.when_missing == WhenMissing::kRefuse)
      return Error(Code::kWalIoError, options.folder + ": the log is missing")
          .with("code", "LOG_MISSING")
          .with("folder", options.folder);
    recovered.report.created = true;
    DatabaseId database;
    options.random.fill(database);
    RSTMDB_ASSIGN(writer,
                  SegmentWriter::create(files, options.folder, options.segment_bytes, database));
    Segment first;
    first.number = 1;
    first.path = writer->path();
    first.first_offset = 1;
    recovered.segments.push_back(std::move(first));
    recovered.report.segments = 1;
    recovered.end = writer->end();
  } else {
    writer = SegmentWriter::resume(files, options.folder, options.segment_bytes, recovered.end,
                                   std::move(recovered.last_file),
                                   recovered.segments.back().first_offset);
  }
  std::unique_ptr<SegmentLog> log(
      new SegmentLog(std::move(options), std::move(lock), std::move(writer)));
  Recovery report = recovered.report;
  RSTMDB_TRY(log->start(std::move(recovered)));
  return Opened{.log = std::move(log), .recovery = std::move(report)};
}

/// Makes the folder and what is missing above it, all of it durable.
///
/// A folder is made only when the entry of the one above it is on disk. So a folder that is there
/// vouches for the entries above it, but not for its own: an earlier start may have failed or been
/// killed between making and syncing it.
Result<void> SegmentLog::ensure_folder(io::FileSystem& files, const std::string& folder) {
  const auto parent_of = [](const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string(".")
                                      : path.substr(0, std::max<size_t>(slash, 1));
  };
  std::vector<std::string> missing;
  std::string there = folder;
  for (;; there = parent_of(there)) {
    RSTMDB_ASSIGN(const bool exists, files.exists(there));
    if (exists || there == "/" || there == ".") break;
    missing.push_back(there);
  }
  const Result<void> synced = files.sync_folder(parent_of(there));
  if (!synced.ok()) {
    // A place that may not be opened is none where an earlier start has made anything.
    const int64_t number = synced.error().detail_number("errno", 0);
    if (missing.empty() || (number != EACCES && number != ELOOP)) return synced.error();
  }
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    RSTMDB_TRY(files.make_folder(*path));
    RSTMDB_TRY(files.sync_folder(parent_of(*path)));
  }
  return {};
}

SegmentLog::SegmentLog(Options options, std::unique_ptr<io::Lock> lock,
                       std::unique_ptr<SegmentWriter> writer)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      writer_(std::move(writer)),
      shelf_(std::make_shared<Shelf>(options_.files, group_seed(writer_->database()))),
      database_(writer_->database()) {}

/// Takes over what recovery has found and leaves a mark behind it: from here on, a fault in what is
/// there already can no longer pass for a torn tail.
Result<void> SegmentLog::start(Recovered recovered) {
  for (Segment& segment : recovered.segments) shelf_->add_segment(std::move(segment));
  next_offset_ = recovered.end.next_offset;
  shelf_->set_committed(next_offset_ - 1);
  durable_ = next_offset_ - 1;
  Group mark;
  mark.kind = GroupKind::kOpened;
  RSTMDB_ASSIGN(const SegmentWriter::Written written, writer_->write(mark));
  RSTMDB_TRY(writer_->sync());
  shelf_->last_segment().add_group(next_offset_, written.at, written.end);
  shelf_->count_bytes(written.end - written.at);
  counters_ = writer_->counters();
  return {};
}

SegmentLog::~SegmentLog() {
  if (timer_ != 0) options_.loop.cancel(timer_);
  settle_job();
  end_preparation();
  forget_trim();
}

Error SegmentLog::stopped() const {
  return Error(Code::kWalIoError, "the log has stopped: " + failure_->message())
      .with("code", "LOG_STOPPED")
      .with("call", failure_->detail("call"))
      .with("path", failure_->detail("path"))
      .with("errno", failure_->detail_number("errno", 0));
}

Result<void> SegmentLog::append(const Unit& unit) {
  RSTMDB_CHECK(!closed_, "append to a closed log");
  RSTMDB_CHECK(unit.first_offset == next_offset_, std::to_string(unit.first_offset));
  RSTMDB_CHECK(unit.record_count != 0, "a unit without records");
  if (failure_) return stopped();
  if (unit.bytes.size() > limits::kLogUnitBytesMax)
    return Error(Code::kBadRequest, "a unit of more bytes than the log takes")
        .with("limit", static_cast<int64_t>(limits::kLogUnitBytesMax));
  // A header with a larger number would be refused by the next start.
  if (unit.record_count > limits::kOffsetMax - next_offset_)
    return Error(Code::kRateLimited, "the log has no offsets left")
        .with("limit", static_cast<int64_t>(limits::kOffsetMax));
  const size_t size = stored_bytes(unit);
  if (uncommitted_bytes_ != 0 && uncommitted_bytes_ + size > limits::kUncommittedBytesMax)
    return Error(Code::kRateLimited, "too much waits for the disk")
        .with("limit", static_cast<int64_t>(limits::kUncommittedBytesMax));
  if (pending_.unit_count == 0) pending_since_ns_ = options_.clock.steady_ns();
  append_unit(pending_.bytes, unit);
  pending_.record_count += unit.record_count;
  pending_.unit_count += 1;
  next_offset_ += unit.record_count;
  uncommitted_bytes_ += size;
  return {};
}

void SegmentLog::sync() {
  if (failure_ || closed_) return;
  const bool unsynced_write = job_ && job_->sync == FlushJob::Sync::kNo;  // under way
  sync_wanted_ =
      sync_wanted_ || unsynced_write || pending_.unit_count != 0 || durable_ < shelf_->committed();
  flush();
}

void SegmentLog::flush() {
  if (failure_ || closed_) return;
  flush_wanted_ = flush_wanted_ || pending_.unit_count != 0;
  pump();
}

/// Begins jobs until there is nothing to do or one is under way. The listener may append and flush
/// from inside its calls; that comes back here and is done by the outer turn of the loop.
void SegmentLog::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (!job_ && !failure_ && !closed_ &&
         ((flush_wanted_ && pending_.unit_count != 0) || (sync_wanted_ && unsynced_records_ != 0)))
    begin_job();
  pumping_ = false;
}

void SegmentLog::begin_job() {
  const auto sync = sync_is_due() ? FlushJob::Sync::kYes : FlushJob::Sync::kNo;
  flush_wanted_ = sync_wanted_ = false;
  if (preparation_ && preparation_->state() == SegmentPreparation::State::kReady)
    writer_->set_prepared(let_go_of_preparation()->take());
  job_ = std::make_shared<FlushJob>(this, *writer_, options_.clock,
                                    std::exchange(pending_, Group()), sync);
  job_->waiting_since_ns = pending_since_ns_;
  if (flush_ns_ < kSlowFlushNs) {
    job_->run();
    finish_job();
    return;
  }
  options_.worker.run([job = job_] { job->run(); },
                      [job = job_] {
                        if (job->owner != nullptr) job->owner->take_back_job();
                      });
}

/// The worker is done with the job.
void SegmentLog::take_back_job() {
  pumping_ = true;  // what the listener asks for is done by the pump below
  finish_job();
  pumping_ = false;
  pump();
}

bool SegmentLog::sync_is_due() const {
  if (sync_wanted_) return true;
  switch (options_.sync.kind) {
    case SyncPolicy::Kind::kEveryWrite:
      return true;
    case SyncPolicy::Kind::kEveryN:
      return unsynced_records_ + pending_.record_count > options_.sync.limit;
    case SyncPolicy::Kind::kEveryMs: {
      const int64_t age_ns = options_.clock.steady_ns() - unsynced_since_ns_;
      return unsynced_records_ != 0 &&
             age_ns >= static_cast<int64_t>(options_.sync.limit) * 1'000'000;
    }
    case SyncPolicy::Kind::kNever:
      return false;
  }
  return true;
}

void SegmentLog::finish_job() {
  const std::shared_ptr<FlushJob> job = std::exchange(job_, nullptr);
  counters_ = writer_->counters();
  if (!job->outcome.ok()) {
    fail(job->outcome.error());
    return;
  }
  note_synced(*job);
  note_times(*job);
  if (job->written) commit(*job);
  if (job->sync == FlushJob::Sync::kNo) return;
  durable_ = shelf_->committed();
  if (listener_ != nullptr) listener_->on_durable(durable_);
}

void SegmentLog::note_synced(const FlushJob& job) {
  if (job.sync == FlushJob::Sync::kYes) {
    flush_ns_ += (job.took_ns - flush_ns_) / kAverageOver;
    unsynced_records_ = 0;
    if (timer_ != 0) options_.loop.cancel(std::exchange(timer_, 0));
    return;
  }
  if (unsynced_records_ == 0) unsynced_since_ns_ = options_.clock.steady_ns() - job.took_ns;
  unsynced_records_ += job.group.record_count;
  if (options_.sync.kind == SyncPolicy::Kind::kEveryMs) arm_timer();
}

void SegmentLog::note_times(const FlushJob& job) {
  flush_times_.observe(job.took_ns);
  if (!job.written) return;
  group_sizes_.observe(job.group.record_count);
  commit_waits_.observe(options_.clock.steady_ns() - job.waiting_since_ns);
}

void SegmentLog::arm_timer() {
  if (timer_ != 0) return;
  const int64_t age_ns = options_.clock.steady_ns() - unsynced_since_ns_;
  const int64_t age_ms = (age_ns + 999'999) / 1'000'000;
  const int64_t left_ms = std::max<int64_t>(static_cast<int64_t>(options_.sync.limit) - age_ms, 0);
  timer_ = options_.loop.run_after(left_ms, [this] {
    timer_ = 0;
    sync_wanted_ = true;
    pump();
  });
}

void SegmentLog::commit(FlushJob& job) {
  const SegmentWriter::Written& written = *job.written;
  if (written.segment_number != shelf_->last_segment().number) {
    Segment segment;
    segment.number = written.segment_number;
    segment.path = written.path;
    segment.first_offset = written.segment_first_offset;
    shelf_->add_segment(std::move(segment));
    // One that is still under way will do for the segment after this one.
    if (preparation_ && preparation_->state() == SegmentPreparation::State::kGivenUp)
      let_go_of_preparation();
    prepared_ = preparation_ != nullptr;
    if (options_.on_new_segment) options_.on_new_segment();
  }
  const Offset first = shelf_->committed() + 1;
  shelf_->last_segment().add_group(first, written.at, written.end);
  shelf_->count_bytes(written.end - written.at);
  shelf_->set_committed(shelf_->committed() + job.group.record_count);
  uncommitted_bytes_ -= job.group.bytes.size() - kGroupHeaderBytes;
  bytes_since_open_ += written.end - written.at;
  const bool half_full = written.end > options_.segment_bytes / 2;
  if (half_full || (written.zeroed_bytes == 0 && bytes_since_open_ >= kBusyBytes))
    prepare_next_segment();
  go_on_preparing();
  if (written.zeroed_bytes == 0) hurry_preparing();
  reuse(std::move(job.group.bytes));
  if (listener_ != nullptr) listener_->on_committed(shelf_->committed());
}

/// The memory of a group that has been written serves the next one, unless it is large.
void SegmentLog::reuse(std::string bytes) {
  if (pending_.unit_count != 0 || bytes.capacity() > kReusedBytesMax) return;
  pending_.bytes = std::move(bytes);
  pending_.bytes.resize(kGroupHeaderBytes);
}

void SegmentLog::fail(const Error& error) {
  if (failure_) return;
  failure_ = std::make_unique<Error>(error);
  if (timer_ != 0) options_.loop.cancel(std::exchange(timer_, 0));
  if (listener_ != nullptr) listener_->on_failed(*failure_);
}

void SegmentLog::check_folder() {
  if (failure_ || closed_) return;
  // Now and then also when the log takes nothing: a preparation for which the disk has become too
  // full gives its space back.
  if (preparing() && !zeroing_) have_worker_do(&SegmentPreparation::look);
  const auto holds = lock_->holds();
  if (!holds.ok() || *holds) return;  // an error of looking proves nothing
  fail(Error(Code::kWalIoError,
             options_.folder + " was removed, moved or replaced by another process")
           .with("code", "FILE_GONE")
           .with("call", "status")
           .with("path", options_.folder + "/LOCK"));
}

Result<std::unique_ptr<Cursor>> SegmentLog::read_from(Offset offset) {
  offset = std::max<Offset>(offset, 1);
  if (offset < shelf_->oldest()) return trimmed_away(*shelf_, offset);
  return std::unique_ptr<Cursor>(std::make_unique<SegmentCursor>(shelf_, offset));
}

std::unique_ptr<Lookup> SegmentLog::look_up() { return std::make_unique<SegmentLookup>(shelf_); }

void SegmentLog::trim(Offset keep_from, OnTrimmed done) {
  if (failure_) return done(stopped());
  if (trim_) {  // only one that has failed is kept
    RSTMDB_CHECK(!trim_->outcome.ok(), "one trim at a time");
    return done(trim_->outcome.error());
  }
  auto trim = std::make_shared<SegmentTrim>(this, options_.files, options_.folder);
  while (const Segment* oldest = shelf_->trimmable(keep_from)) {
    if (auto pinned = shelf_->pin_oldest(); !pinned.ok()) {
      if (trim->done()) return done(std::move(pinned).error());
      break;  // what has been forgotten so far has to be removed, or a later trim would leave a gap
    }
    trim->add({.path = oldest->path, .still_open = oldest->file != nullptr});
    shelf_->drop_oldest();
  }
  if (trim->done()) return done(Trimmed{});
  trim_ = std::move(trim);
  on_trimmed_ = std::move(done);
  go_on_trimming();
}

void SegmentLog::go_on_trimming() {
  options_.background.run([work = trim_] { work->step(); },
                          [work = trim_] {
                            if (work->owner == nullptr) return;
                            work->done() ? work->owner->end_of_trim()
                                         : work->owner->go_on_trimming();
                          });
}

void SegmentLog::end_of_trim() {
  OnTrimmed done = std::exchange(on_trimmed_, nullptr);
  if (trim_->outcome.ok()) return done(std::exchange(trim_, nullptr)->trimmed);
  // trim_ stays: nothing is removed any more before a restart.
  if (trim_->outcome.error().detail("call") == "sync_folder") fail(trim_->outcome.error());
  done(trim_->outcome.error());
}

void SegmentLog::forget_trim() {
  if (trim_) trim_->give_up();
  on_trimmed_ = nullptr;
}

Stats SegmentLog::stats() const {
  const Offset oldest = shelf_->oldest();
  const Offset latest = next_offset_ - 1;
  return {.record_count = latest + 1 - oldest,
          .segment_count = shelf_->segment_count(),
          .total_bytes = shelf_->total_bytes(),
          .oldest_offset = oldest > latest ? 0 : oldest,
          .latest_offset = latest,
          .bytes_written = counters_.bytes_written,
          .bytes_read = shelf_->bytes_read,
          .writes = counters_.writes,
          .reads = shelf_->reads,
          .syncs = counters_.syncs,
          .group_records = group_sizes_,
          .flush_ns = flush_times_,
          .commit_wait_ns = commit_waits_};
}

/// Has the job that is under way run to its end here and now, and forgets it.
void SegmentLog::settle_job() {
  if (!job_) return;
  job_->run_or_wait();
  job_->owner = nullptr;
}

void SegmentLog::prepare_next_segment() {
  if (prepared_ || options_.prepare == Prepare::kNothing) return;
  prepared_ = true;
  preparation_ = std::make_shared<SegmentPreparation>(
      SegmentPreparation::Options{.owner = this,
                                  .files = options_.files,
                                  .folder = options_.folder,
                                  .bytes = options_.segment_bytes,
                                  .reserve_bytes = options_.reserve_bytes});
  preparing_since_bytes_ = bytes_since_open_;
  zeros_ended_ns_ = options_.clock.steady_ns();
  zeroed_bytes_ = 0;
}

/// One whose last step has run; the end of that step may still be posted, and tells nobody.
std::shared_ptr<SegmentPreparation> SegmentLog::let_go_of_preparation() {
  zeroing_ = false;
  preparation_->owner = nullptr;
  return std::exchange(preparation_, nullptr);
}

bool SegmentLog::preparing() const {
  return preparation_ && preparation_->state() == SegmentPreparation::State::kUnderWay;
}

/// Puts the next step at the end of the worker's queue, behind flushes that wait there; unless one
/// is there already, or the log has not taken enough for another.
void SegmentLog::go_on_preparing() {
  if (!preparing() || zeroing_) return;
  const auto taken = static_cast<double>(bytes_since_open_ - preparing_since_bytes_);
  if (static_cast<double>(zeroed_bytes_) <= taken * kZerosPerByte) write_more_zeros();
}

/// Called when something has been written, so an idle log writes no zeros.
void SegmentLog::hurry_preparing() {
  if (!preparing() || zeroing_) return;
  if (options_.clock.steady_ns() - zeros_ended_ns_ >= kZerosPauseNs) write_more_zeros();
}

void SegmentLog::write_more_zeros() {
  zeroed_bytes_ += SegmentPreparation::kStepBytes;
  have_worker_do(&SegmentPreparation::step);
}

void SegmentLog::have_worker_do(void (SegmentPreparation::*work)()) {
  zeroing_ = true;
  options_.worker.run([preparation = preparation_, work] { (*preparation.*work)(); },
                      [preparation = preparation_] {
                        if (preparation->owner == nullptr) return;
                        preparation->owner->zeroing_ = false;
                        preparation->owner->zeros_ended_ns_ =
                            preparation->owner->options_.clock.steady_ns();
                        preparation->owner->go_on_preparing();
                      });
}

void SegmentLog::end_preparation() {
  if (!preparation_) return;
  preparation_->owner = nullptr;
  preparation_->give_up();
  preparation_ = nullptr;
}

Result<void> SegmentLog::close() {
  RSTMDB_CHECK(!closed_, "a log is closed once");
  pumping_ = true;  // from here on, this is the only place that begins jobs
  while (!failure_ && (job_ || pending_.unit_count != 0)) {
    if (!job_) {
      begin_job();
      continue;
    }
    settle_job();
    finish_job();
  }
  closed_ = true;
  end_preparation();
  forget_trim();
  if (timer_ != 0) options_.loop.cancel(std::exchange(timer_, 0));
  if (failure_) return stopped();
  if (auto end = writer_->close(); !end.ok()) {
    fail(end.error());
    return std::move(end).error();
  }
  counters_ = writer_->counters();
  lock_.reset();
  return {};
}

}  // namespace rstmdb::log
