#include <utility>

#include "admin/backup.h"
#include "admin/backup_files.h"
#include "admin/data_folder.h"
#include "admin/draft_folder.h"

namespace rstmdb::admin {
namespace {

/// Synced this often, so that the disk's queue stays short for others.
constexpr uint64_t kSyncBytes = 8 * 1024 * 1024;

Error folds_otherwise(const std::string& path, std::string_view what) {
  std::string text = path + ": ";
  text.append(what);
  return Error(Code::kBadRequest, std::move(text)).with("code", kBackupDamaged).with("file", path);
}

BackupReport report_of(const std::string& path, const BackupContents& contents) {
  BackupReport report;
  report.path = path;
  report.database = contents.header.database;
  report.made_at_ms = contents.header.made_at_ms;
  report.summary = contents.summary;
  report.entries = contents.entries.size();
  report.file_bytes = contents.file_bytes;
  return report;
}

/// Folds the files and compares with what the trailer promises.
Result<void> fold_and_compare(io::FileSystem& files, const std::string& folder,
                              const std::string& path, BackupReport& report, Progress& progress) {
  RSTMDB_ASSIGN(const Folded folded, fold_folder(files, folder, log::Offset{UINT64_MAX}, progress));
  if (!folded.passed_over.empty()) return folded.passed_over.front();
  const engine::State& state = folded.fold.state();
  const BackupSummary& promised = report.summary;
  if (folded.database != report.database)
    return folds_otherwise(path, "its log belongs to another database");
  if (state.last_offset() != promised.offset || state.last_ts() != promised.last_ts ||
      folded.fold.chain().value != promised.chain || folded.oldest_offset != promised.oldest_offset)
    return folds_otherwise(path, "its log ends elsewhere than its trailer says");
  if (state.hash() != promised.state_hash)
    return folds_otherwise(path, "it folds to another state than its trailer says");
  report.snapshot_offset = folded.snapshot_offset;
  return {};
}

class Restore {
 public:
  explicit Restore(const RestoreOptions& options) : options_(options) {}

  Result<BackupReport> run() {
    io::FileSystem& files = options_.files;
    RSTMDB_ASSIGN(const auto file, files.open(options_.path, io::FileSystem::Open::kRead));
    RSTMDB_ASSIGN(const uint64_t size, file->size());
    RSTMDB_ASSIGN(DraftFolder draft, DraftFolder::make(files, options_.data_folder));
    options_.progress.begin("unpacking", size);
    BackupSink sink;
    sink.begin_entry = [&](const BackupEntry& entry) { return begin_file(draft, entry); };
    sink.bytes = [this](std::string_view bytes) { return write(bytes); };
    sink.progress = [this](uint64_t done) { return options_.progress.at(done); };
    RSTMDB_ASSIGN(const BackupContents contents, read_backup(*file, sink));
    RSTMDB_TRY(end_file());
    RSTMDB_TRY(draft.sync());
    options_.progress.end();
    BackupReport report = report_of(options_.path, contents);
    RSTMDB_TRY(fold_and_compare(files, draft.path(), options_.path, report, options_.progress));
    RSTMDB_TRY(draft.publish());
    return report;
  }

 private:
  Result<void> begin_file(DraftFolder& draft, const BackupEntry& entry) {
    RSTMDB_TRY(end_file());
    RSTMDB_ASSIGN(file_, draft.create(entry.name));
    at_ = synced_to_ = 0;
    return {};
  }

  Result<void> write(std::string_view bytes) {
    RSTMDB_TRY(file_->write_at(at_, bytes));
    at_ += bytes.size();
    if (at_ - synced_to_ < kSyncBytes) return {};
    synced_to_ = at_;
    return file_->sync();
  }

  Result<void> end_file() {
    if (!file_) return {};
    RSTMDB_TRY(file_->sync());
    RSTMDB_TRY(file_->close());
    file_.reset();
    return {};
  }

  const RestoreOptions& options_;
  std::unique_ptr<io::File> file_;
  uint64_t at_ = 0;
  uint64_t synced_to_ = 0;
};

}  // namespace

Result<BackupReport> verify_backup(const VerifyOptions& options) {
  RSTMDB_ASSIGN(std::shared_ptr<io::File> file,
                options.files.open(options.path, io::FileSystem::Open::kRead));
  RSTMDB_ASSIGN(const uint64_t size, file->size());
  options.progress.begin("reading the backup", size);
  RSTMDB_ASSIGN(
      BackupContents contents,
      read_backup(*file, {.progress = [&](uint64_t done) { return options.progress.at(done); }}));
  options.progress.end();
  BackupReport report = report_of(options.path, contents);
  BackupFiles inside(file, std::move(contents.entries), contents.seed);
  RSTMDB_TRY(fold_and_compare(inside, options.path, options.path, report, options.progress));
  return report;
}

Result<BackupReport> restore(const RestoreOptions& options) { return Restore(options).run(); }

}  // namespace rstmdb::admin
