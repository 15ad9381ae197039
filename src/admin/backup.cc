#include "admin/backup.h"

#include <utility>

#include "admin/backup_files.h"
#include "admin/backup_writer.h"
#include "admin/data_folder.h"
#include "admin/draft_folder.h"
#include "log/segment_format.h"
#include "snapshot/format.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kCopyBytes = 1024 * 1024;

Error taken(const std::string& path, std::string_view why) {
  std::string text = path;
  text.append(why);
  return Error(Code::kConflict, std::move(text)).with("path", path);
}

class Backup {
 public:
  explicit Backup(const BackupOptions& options)
      : options_(options), partial_(options.path + ".partial") {}

  Result<BackupReport> run() {
    RSTMDB_TRY(expect_free(options_.path, " is there already; a backup replaces nothing"));
    RSTMDB_TRY(expect_free(partial_,
                           " is there: another backup is under way, or one was killed "
                           "and has left it to be removed"));
    auto done = write_and_check();
    // What could not be finished is of no use to anybody.
    if (!done.ok() && writer_) static_cast<void>(options_.files.remove(partial_).ok());
    return done;
  }

 private:
  Result<void> expect_free(const std::string& path, std::string_view why) {
    RSTMDB_ASSIGN(const bool there, options_.files.exists(path));
    if (there) return taken(path, why);
    return {};
  }

  Result<BackupReport> write_and_check() {
    RSTMDB_ASSIGN(Source source, open_source(options_.files, options_.data_folder,
                                             log::Offset{UINT64_MAX}, options_.progress));
    log::LogReader& log = *source.log;
    if (log.segments().empty())
      return Error(Code::kNotFound, "there is no log in " + options_.data_folder)
          .with("folder", options_.data_folder);
    // The first step tells the database's id, which stands in the backup's header.
    RSTMDB_TRY(log.next());
    report_.database = log.segment().database;
    report_.made_at_ms = options_.clock.wall_ms();
    RSTMDB_ASSIGN(BackupWriter writer, BackupWriter::create(options_.files, partial_,
                                                            {.database = report_.database,
                                                             .made_at_ms = report_.made_at_ms}));
    writer_.emplace(std::move(writer));
    if (source.snapshot) RSTMDB_TRY(copy_snapshot(*source.snapshot_file, source.snapshot->offset));
    RSTMDB_TRY(copy_log(log));
    RSTMDB_TRY(writer_->end_entries());
    RSTMDB_TRY(fold_what_is_written());
    RSTMDB_TRY(writer_->finish(report_.summary));
    RSTMDB_TRY(writer_->file()->close());
    RSTMDB_TRY(expect_free(options_.path, " has appeared meanwhile; a backup replaces nothing"));
    RSTMDB_TRY(options_.files.rename(partial_, options_.path));
    RSTMDB_TRY(options_.files.sync_folder(parent_of(options_.path)));
    report_.path = options_.path;
    report_.summary.content_bytes = writer_->content_bytes();
    report_.entries = writer_->entries().size();
    report_.file_bytes = writer_->file_bytes();
    report_.passed_over = std::move(source.passed_over);
    return std::move(report_);
  }

  Result<void> copy_snapshot(io::File& file, log::Offset offset) {
    RSTMDB_ASSIGN(const uint64_t size, file.size());
    RSTMDB_TRY(writer_->begin_entry("snapshots/" + snapshot::snapshot_name(offset)));
    options_.progress.begin("copying the snapshot", size);
    std::string piece(kCopyBytes, '\0');
    for (uint64_t at = 0; at < size;) {
      RSTMDB_ASSIGN(const size_t got, file.read_at(at, piece));
      if (got == 0) break;
      RSTMDB_TRY(writer_->write(std::string_view(piece).substr(0, got)));
      at += got;
      RSTMDB_TRY(options_.progress.at(at));
    }
    options_.progress.end();
    return {};
  }

  /// `log` has just stepped onto its first segment.
  Result<void> copy_log(log::LogReader& log) {
    using Step = log::LogReader::Step;
    options_.progress.begin("copying the log", log.total_bytes());
    for (Step step = Step::kSegment; step != Step::kEnd;) {
      if (step == Step::kSegment)
        RSTMDB_TRY(writer_->begin_entry("wal/" + log::segment_name(log.segment().first_offset)));
      RSTMDB_TRY(writer_->write(log.bytes()));
      RSTMDB_TRY(options_.progress.at(log.bytes_done()));
      RSTMDB_ASSIGN(step, log.next());
    }
    options_.progress.end();
    return {};
  }

  /// The backup is good when what stands in the file now, and not what was meant to be written,
  /// folds to a state.
  Result<void> fold_what_is_written() {
    BackupFiles written(writer_->file(), writer_->entries(), writer_->seed());
    RSTMDB_ASSIGN(const Folded folded,
                  fold_folder(written, partial_, log::Offset{UINT64_MAX}, options_.progress));
    if (!folded.passed_over.empty()) return folded.passed_over.front();
    const engine::State& state = folded.fold.state();
    report_.snapshot_offset = folded.snapshot_offset;
    report_.summary = {.oldest_offset = folded.oldest_offset,
                       .offset = state.last_offset(),
                       .last_ts = state.last_ts(),
                       .chain = folded.fold.chain().value,
                       .state_hash = state.hash(),
                       .content_bytes = 0};
    return {};
  }

  const BackupOptions& options_;
  const std::string partial_;
  std::optional<BackupWriter> writer_;
  BackupReport report_;
};

}  // namespace

Result<BackupReport> backup(const BackupOptions& options) { return Backup(options).run(); }

}  // namespace rstmdb::admin
