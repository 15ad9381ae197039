#include "admin/check.h"

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <utility>

#include "log/end_note.h"
#include "snapshot/damage.h"

namespace rstmdb::admin {
namespace {

using Step = log::LogReader::Step;

CheckFault fault_of(const Error& error) {
  CheckFault fault;
  fault.file = error.detail(error.detail("file").empty() ? "path" : "file");
  fault.code = error.detail("code");
  if (fault.code.empty()) fault.code = code_name(error.code());
  fault.what = error.message();
  const auto number = [&](std::string_view key) -> std::optional<uint64_t> {
    const int64_t value = error.detail_number(key, -1);
    if (value < 0) return std::nullopt;
    return static_cast<uint64_t>(value);
  };
  fault.byte = number("byte");
  fault.offset = number("offset");
  return fault;
}

const std::string kWouldRefuse = "a server would refuse to start: ";

bool is_interruption(const Error& error) { return error.detail("code") == "INTERRUPTED"; }

struct SnapshotHash {
  log::Offset offset = 0;
  Hash128 hash;
  size_t index = 0;  // in the report
};

class Check {
 public:
  explicit Check(const CheckOptions& options) : options_(options) {
    report_.folder = options.folder;
  }

  Result<CheckReport> run() {
    RSTMDB_TRY(check_snapshots());
    RSTMDB_TRY(check_log());
    compare_with_snapshots();
    RSTMDB_TRY(check_start());
    if (options_.at && !report_.state)
      return Error(Code::kNotFound, "the state at offset " + std::to_string(*options_.at) +
                                        " cannot be had from " + options_.folder)
          .with("oldest_offset", static_cast<int64_t>(report_.oldest_offset))
          .with("latest_offset", static_cast<int64_t>(report_.newest_offset));
    return std::move(report_);
  }

 private:
  void add_fault(const Error& error) { report_.faults.push_back(fault_of(error)); }

  /// Notes the error, but passes an interruption on.
  Result<void> note(const Error& error) {
    if (is_interruption(error)) return error;
    add_fault(error);
    return {};
  }

  Result<void> check_snapshots() {
    const snapshot::Folder folder(options_.files, snapshot_folder(options_.folder));
    const auto listed = folder.list();
    if (!listed.ok()) {
      refusal_ = kWouldRefuse + listed.error().message();
      return note(listed.error());
    }
    for (const snapshot::Stored& stored : *listed) {
      options_.progress.begin("checking a snapshot", 0);
      Result<void> interrupted;
      const auto verified =
          verify_snapshot(options_.files, stored, [&](const snapshot::ReadProgress& now) {
            if (interrupted.ok()) interrupted = options_.progress.at(now.bytes_done);
          });
      RSTMDB_TRY(std::move(interrupted));
      CheckedSnapshot checked{.offset = stored.offset, .file = stored.path};
      if (!verified.ok()) {
        // A server beside us that compacts removes old ones.
        RSTMDB_ASSIGN(const bool there, options_.files.exists(stored.path));
        if (!there) continue;
        add_fault(verified.error());
        // A start goes back from a damaged one to the one before it, and no further.
        if (verified.error().detail("code") == snapshot::kSnapshotUnknownVersion)
          refusal_ = kWouldRefuse + verified.error().message();
        else if (!snapshot::is_of_this_file(verified.error()))
          refusal_ = "what a server would do cannot be told: " + verified.error().message();
      } else {
        refusal_.clear();
        checked.good = true;
        checked.bytes = verified->file_bytes;
        hashes_.push_back({stored.offset, verified->header.facts.hash, report_.snapshots.size()});
        options_.progress.end();
      }
      report_.snapshots.push_back(std::move(checked));
    }
    snapshot_faults_ = report_.faults.size();
    return {};
  }

  /// Reads the whole log, and folds it if it begins with record 1.
  Result<void> check_log() {
    // Before the log, which a server beside us makes longer.
    const auto note_of_end = log::read_end_note(options_.files, log_folder(options_.folder));
    if (!note_of_end.ok()) RSTMDB_TRY(note(note_of_end.error()));
    auto opened = log::LogReader::open(options_.files, log_folder(options_.folder), 0);
    // What has snapshots had a log. Without any this may be no data folder at all.
    const bool is_gone = !opened.ok() && opened.error().detail_number("errno", 0) == ENOENT &&
                         !report_.snapshots.empty();
    if (is_gone) return {};
    log_is_whole_ = opened.ok();
    if (!opened.ok()) return note(opened.error());
    log::LogReader& log = *opened;
    report_.segments = log.segments().size();
    const auto compare_ends = [&]() -> Result<void> {
      if (!note_of_end.ok() || !*note_of_end || !log_is_whole_) return {};
      const auto compared =
          log::compare_with_end_note(**note_of_end, log_folder(options_.folder), log.end(),
                                     report_.segments == 0 ? std::string() : log.path());
      return compared.ok() ? Result<void>() : note(compared.error());
    };
    if (report_.segments == 0) return compare_ends();
    if (log.segments().front().first_offset == 1) {
      fold_.emplace();
      compare_here();
    }
    options_.progress.begin("checking the log", log.total_bytes());
    while (true) {
      const auto step = log.next();
      const Result<void> taken = step.ok() ? take(log, *step) : Result<void>(step.error());
      if (taken.ok() && *step == Step::kEnd) break;
      if (taken.ok()) continue;
      RSTMDB_TRY(note(taken.error()));
      stop_fold();
      pass_.start_over();
      // Behind a bad record there may be good groups; behind a bad group, good segments.
      if (!step.ok() && !log.skip_segment()) break;
    }
    options_.progress.end();
    RSTMDB_TRY(compare_ends());
    // A log that has no record yet goes on behind its snapshot.
    if (report_.records == 0 && log_is_whole_) report_.newest_offset = log.end().next_offset - 1;
    report_.tail = log.tail();
    report_.tail_file = log.path();
    report_.tail_byte = log.end().at;
    report_.log_bytes = log.bytes_done();
    if (fold_ && !options_.at) report_.state = count_state(fold_->state());
    report_.folded_from_first = fold_.has_value();
    fold_.reset();
    return {};
  }

  void stop_fold() {
    // Only the first fault says how far the log is good.
    if (log_is_whole_)
      report_.readable_up_to = fold_ ? fold_->state().last_offset() : report_.newest_offset;
    log_is_whole_ = false;
    fold_.reset();
  }

  Result<void> take(const log::LogReader& log, Step step) {
    if (step == Step::kEnd) return {};
    if (step == Step::kSegment) {
      report_.database = log.segment().database;
      return {};
    }
    ++report_.groups;
    RSTMDB_TRY(pass_.read_group(
        log, [&](const engine::Record& record, uint64_t byte) { return take(log, record, byte); }));
    return options_.progress.at(log.bytes_done());
  }

  Result<void> take(const log::LogReader& log, const engine::Record& record, uint64_t byte) {
    ++report_.records;
    report_.records_by_kind[static_cast<size_t>(record.kind) % CheckReport::kKinds] += 1;
    if (report_.oldest_offset == 0) report_.oldest_offset = record.offset;
    report_.newest_offset = record.offset;
    if (!fold_) return {};
    RSTMDB_TRY(fold_->add(log, record, byte, pass_.chain()));
    if (options_.at == record.offset) report_.state = count_state(fold_->state());
    compare_here();
    return {};
  }

  /// With the snapshot of where the fold stands, which may be one of nothing.
  void compare_here() {
    while (next_hash_ < hashes_.size() &&
           hashes_[next_hash_].offset == fold_->state().last_offset())
      compare(hashes_[next_hash_++]);
  }

  /// A snapshot's offset has been reached in the fold of the log from record 1.
  void compare(const SnapshotHash& expected) {
    CheckedSnapshot& snapshot = report_.snapshots[expected.index];
    snapshot.same_as_log = fold_->state().hash() == expected.hash;
    if (snapshot.same_as_log) return;
    report_.faults.push_back({.file = snapshot.file,
                              .byte = std::nullopt,
                              .offset = expected.offset,
                              .code = "STATE_DIFFERS",
                              .what = snapshot.file + ": the fold of the log up to record " +
                                      std::to_string(expected.offset) + " gives another state"});
  }

  /// No server goes on with a log that ends before a whole snapshot, or without one beside any. The
  /// snapshots were listed before the log was read, so a server beside us does not look like this.
  void compare_with_snapshots() {
    if (!log_is_whole_) return;
    const bool is_missing = report_.segments == 0;
    const CheckedSnapshot* newest = nullptr;
    for (const CheckedSnapshot& each : report_.snapshots)
      if (each.good || is_missing) newest = &each;
    if (newest == nullptr || (!is_missing && newest->offset <= report_.newest_offset)) return;
    const std::string file = is_missing ? log_folder(options_.folder) : newest->file;
    const std::string end = std::to_string(report_.newest_offset);
    report_.faults.push_back(
        {.file = file,
         .byte = std::nullopt,
         .offset = newest->offset,
         .code = std::string(is_missing ? kLogMissing : kLogBehindSnapshot),
         .what = file + (is_missing ? ": the log is missing"
                                    : ": the log ends at record " + end +
                                          ", before this snapshot: a part of it is missing")});
  }

  /// The newest one that a start could load, null: none.
  const CheckedSnapshot* newest_snapshot() const {
    const CheckedSnapshot* newest = nullptr;
    for (const CheckedSnapshot& each : report_.snapshots)
      if (each.good && each.offset <= report_.newest_offset) newest = &each;
    return newest;
  }

  /// The second way to the state, if there is one: the newest good snapshot and the log behind it.
  Result<void> check_start() {
    const bool usable = std::ranges::any_of(report_.snapshots, &CheckedSnapshot::good);
    const bool needed = !report_.folded_from_first && log_is_whole_;
    if (report_.segments != 0 && (usable || needed)) RSTMDB_TRY(fold_from_snapshot());
    // The way to --at may begin elsewhere.
    const CheckedSnapshot* newest = newest_snapshot();
    if (options_.at) start_snapshot_ = newest == nullptr ? 0 : newest->offset;
    report_.start = start_sentence();
    return {};
  }

  Result<void> fold_from_snapshot() {
    // A server beside us may have written more since; the comparison needs the same end.
    const log::Offset until = options_.at ? *options_.at : report_.newest_offset;
    auto folded = fold_folder(options_.files, options_.folder, until, options_.progress);
    if (!folded.ok()) return end_second_way(folded.error());
    for (const Error& error : folded->passed_over) add_unusable(error);
    const StateCounts counts = count_state(folded->fold.state());
    if (folded->snapshot_offset == 0) return {};
    if (options_.at && counts.offset != *options_.at) return {};
    start_snapshot_ = folded->snapshot_offset;
    if (!report_.state) report_.state = counts;
    report_.folded_from_snapshot = report_.state->hash == counts.hash;
    if (report_.folded_from_snapshot) return {};
    report_.faults.push_back({.file = snapshot_folder(options_.folder),
                              .byte = std::nullopt,
                              .offset = counts.offset,
                              .code = "STATE_DIFFERS",
                              .what = "the newest snapshot with the log behind it gives another "
                                      "state than the log from its first record"});
    return {};
  }

  /// A snapshot that a start passes over. Those that do not verify are known.
  void add_unusable(const Error& error) {
    CheckFault fault = fault_of(error);
    if (is_known(fault)) return;
    for (CheckedSnapshot& snapshot : report_.snapshots)
      if (snapshot.file == fault.file) snapshot.good = false;
    const auto behind = static_cast<std::ptrdiff_t>(snapshot_faults_++);
    report_.faults.insert(report_.faults.begin() + behind, std::move(fault));
  }

  bool is_known(const CheckFault& fault) const {
    return std::ranges::any_of(report_.faults, [&](const CheckFault& other) {
      return other.file == fault.file && other.byte == fault.byte && other.code == fault.code;
    });
  }

  Result<void> end_second_way(const Error& error) {
    if (is_interruption(error)) return error;
    const CheckFault fault = fault_of(error);
    // Without a snapshot at or before the wanted offset there is no second way to it.
    if (is_known(fault) || options_.at) return {};
    const CheckedSnapshot* newest = newest_snapshot();
    if (fault.code == kNoWayIn && newest != nullptr) {
      RSTMDB_ASSIGN(const bool there, options_.files.exists(newest->file));
      if (!there) {
        // A server beside us has compacted past the end that we have read.
        start_snapshot_ = newest->offset;
        return {};
      }
    }
    report_.faults.push_back(fault);
    // Of a log from record 1 the first way has told more.
    if (report_.oldest_offset > 1 && fault.offset)
      report_.readable_up_to = std::min(
          log_is_whole_ ? report_.newest_offset : report_.readable_up_to, *fault.offset - 1);
    return {};
  }

  std::string start_sentence() const {
    if (report_.segments == 0 && report_.faults.empty() && report_.snapshots.empty())
      return "a server would make a new log here";
    if (!refusal_.empty()) return refusal_;
    for (const CheckFault& fault : report_.faults | std::views::drop(snapshot_faults_))
      if (fault.code != "STATE_DIFFERS") return kWouldRefuse + fault.what;
    std::string text = "a server would start with record " + std::to_string(report_.newest_offset) +
                       " as its last, ";
    text += start_snapshot_ != 0 ? "from the snapshot of record " + std::to_string(start_snapshot_)
                                 : std::string("from the log alone");
    if (report_.tail.closed) return text + "; the log was closed properly";
    if (report_.tail.unknown_bytes == 0) return text;
    return text + "; it would cut off " + std::to_string(report_.tail.unknown_bytes) +
           " bytes from byte " + std::to_string(report_.tail_byte) + " of " + report_.tail_file +
           ", a write that is under way now or that a crash cut short";
  }

  const CheckOptions& options_;
  CheckReport report_;
  std::vector<SnapshotHash> hashes_;  // of the good snapshots, oldest first
  size_t next_hash_ = 0;
  std::optional<Fold> fold_;
  RecordPass pass_;
  bool log_is_whole_ = true;
  log::Offset start_snapshot_ = 0;
  size_t snapshot_faults_ = 0;  // the first so many of the report's faults
  std::string refusal_;         // what is said of a start that the snapshots end, "": none do
};

}  // namespace

StateCounts count_state(const engine::State& state) {
  StateCounts counts;
  counts.offset = state.last_offset();
  counts.last_ts = state.last_ts();
  counts.hash = state.hash();
  counts.machines = state.machines().by_name().size();
  counts.versions = state.machines().definition_count();
  counts.instances = state.live().count();
  counts.tombstones = state.instances().size() - counts.instances;
  counts.keys = state.keys().count();
  return counts;
}

Result<CheckReport> check(const CheckOptions& options) { return Check(options).run(); }

}  // namespace rstmdb::admin
