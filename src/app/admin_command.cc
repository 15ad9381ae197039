#include "app/admin_command.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>

#include "admin/backup.h"
#include "admin/backup_files.h"
#include "admin/check.h"
#include "admin/draft_folder.h"
#include "admin/export.h"
#include "app/arguments.h"
#include "json/writer.h"

namespace rstmdb::app {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

Error stream_failed(std::string_view what) {
  return Error(Code::kWalIoError, std::string(what)).with("path", "-");
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int fail(const AdminCommand& command, const Error& error) {
  std::fprintf(stderr, "rstmdb: %s\n", error.message().c_str());
  if (!command.json) return 1;
  std::string out;
  json::Writer json(out);
  json.open_object().key("error").open_object();
  json.member("code", code_name(error.code())).member("message", error.message());
  json.key("details").open_object();
  for (const Error::Detail& detail : error.details())
    std::visit([&](const auto& value) { json.member(detail.key, value); }, detail.value);
  json.close_object().close_object().close_object();
  print(out + "\n");
  return 1;
}

/// The outcome of a command that has one report and is either done or not.
template <class Report>
int finish(const AdminCommand& command, const Result<Report>& report) {
  if (!report.ok()) return fail(command, report.error());
  print(command.json ? to_json(*report) + "\n" : to_text(*report));
  return std::fflush(stdout) == 0 ? 0 : 1;
}

/// A data folder, or a backup that can be read like one.
struct Place {
  io::FileSystem* files = &io::system_file_system();
  std::unique_ptr<admin::BackupFiles> backup;
};

Result<Place> open_place(const std::string& path, admin::Progress& progress) {
  Place place;
  if (place.files->list(path).ok()) return place;
  RSTMDB_ASSIGN(std::shared_ptr<io::File> file,
                place.files->open(path, io::FileSystem::Open::kRead));
  RSTMDB_ASSIGN(const uint64_t size, file->size());
  progress.begin("reading the backup", size);
  RSTMDB_ASSIGN(
      admin::BackupContents contents,
      admin::read_backup(*file, {.progress = [&](uint64_t done) { return progress.at(done); }}));
  progress.end();
  place.backup = std::make_unique<admin::BackupFiles>(std::move(file), std::move(contents.entries),
                                                      contents.seed);
  place.files = place.backup.get();
  return place;
}

int run_check(const AdminCommand& command, admin::Progress& progress) {
  const std::string path = admin::without_trailing_slash(command.from);
  const auto place = open_place(path, progress);
  if (!place.ok()) return fail(command, place.error());
  const auto report = admin::check(
      {.files = *place->files, .folder = path, .at = command.at, .progress = progress});
  const int code = finish(command, report);
  return report.ok() && !report->good() ? 1 : code;
}

/// Lines into a file that is there only when it is whole, or to standard output.
class LineFile {
 public:
  explicit LineFile(std::string path) : path_(std::move(path)), partial_(path_ + ".partial") {}
  ~LineFile() {
    if (file_) static_cast<void>(files_.remove(partial_).ok());
  }
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  bool is_stdout() const { return path_.empty() || path_ == "-"; }

  Result<void> begin() {
    if (is_stdout()) return {};
    RSTMDB_TRY(expect_free());
    RSTMDB_ASSIGN(file_, files_.open(partial_, io::FileSystem::Open::kCreateNew));
    return {};
  }

  Result<void> write(std::string_view bytes) {
    if (is_stdout()) {
      if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return {};
      return stream_failed("standard output cannot be written");
    }
    RSTMDB_TRY(file_->write_at(at_, bytes));
    at_ += bytes.size();
    return {};
  }

  Result<void> finish() {
    if (is_stdout())
      return std::fflush(stdout) == 0 ? Result<void>()
                                      : stream_failed("standard output cannot be written");
    RSTMDB_TRY(file_->sync());
    RSTMDB_TRY(file_->close());
    RSTMDB_TRY(expect_free());
    RSTMDB_TRY(files_.rename(partial_, path_));
    file_.reset();
    return files_.sync_folder(admin::parent_of(path_));
  }

 private:
  Result<void> expect_free() {
    RSTMDB_ASSIGN(const bool there, files_.exists(path_));
    if (!there) return {};
    return Error(Code::kConflict, path_ + " is there already; an export replaces nothing")
        .with("path", path_);
  }

  io::FileSystem& files_ = io::system_file_system();
  const std::string path_;
  const std::string partial_;
  std::unique_ptr<io::File> file_;
  uint64_t at_ = 0;
};

Result<admin::StateReport> export_to(const AdminCommand& command, LineFile& lines,
                                     admin::Progress& progress) {
  const std::string path = admin::without_trailing_slash(command.from);
  RSTMDB_ASSIGN(const Place place, open_place(path, progress));
  RSTMDB_TRY(lines.begin());
  RSTMDB_ASSIGN(
      admin::StateReport report,
      admin::export_lines(
          {.files = *place.files, .data_folder = path, .version = version(), .progress = progress},
          [&](std::string_view bytes) { return lines.write(bytes); }));
  RSTMDB_TRY(lines.finish());
  return report;
}

int run_export(const AdminCommand& command, admin::Progress& progress) {
  LineFile lines(command.to);
  const auto report = export_to(command, lines, progress);
  // Standard output is the lines' then.
  if (report.ok() && lines.is_stdout()) return 0;
  return finish(command, report);
}

int run_import(const AdminCommand& command, admin::Progress& progress) {
  const bool from_stdin = command.from == "-";
  std::unique_ptr<io::File> file;
  if (!from_stdin) {
    auto opened = io::system_file_system().open(command.from, io::FileSystem::Open::kRead);
    if (!opened.ok()) return fail(command, opened.error());
    file = std::move(opened).value();
  }
  uint64_t at = 0;
  const auto source = [&](std::span<char> into) -> Result<size_t> {
    if (!from_stdin) {
      RSTMDB_ASSIGN(const size_t got, file->read_at(at, into));
      at += got;
      return got;
    }
    const size_t got = std::fread(into.data(), 1, into.size(), stdin);
    if (got == 0 && std::ferror(stdin) != 0) return stream_failed("standard input cannot be read");
    return got;
  };
  return finish(command, admin::import_lines({.files = io::system_file_system(),
                                              .clock = io::system_clock(),
                                              .random = io::system_random(),
                                              .data_folder = command.to,
                                              .progress = progress},
                                             source));
}

}  // namespace

int run_admin(const AdminCommand& command) {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  using Style = admin::Progress::Style;
  const Style loud = ::isatty(STDERR_FILENO) != 0 ? Style::kSameLine : Style::kLines;
  admin::Progress progress(
      {.clock = io::system_clock(),
       .style = command.quiet ? Style::kNothing : loud,
       .show = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); },
       .interrupted = [] { return interrupted != 0; }});
  io::FileSystem& files = io::system_file_system();
  using What = AdminCommand::What;
  switch (command.what) {
    case What::kCheck:
      return run_check(command, progress);
    case What::kBackup:
      return finish(command,
                    admin::backup({.files = files,
                                   .clock = io::system_clock(),
                                   .data_folder = admin::without_trailing_slash(command.from),
                                   .path = command.to,
                                   .progress = progress}));
    case What::kRestore:
      return finish(command, admin::restore({.files = files,
                                             .path = command.from,
                                             .data_folder = command.to,
                                             .progress = progress}));
    case What::kVerify:
      return finish(command, admin::verify_backup(
                                 {.files = files, .path = command.from, .progress = progress}));
    case What::kExport:
      return run_export(command, progress);
    case What::kImport:
      return run_import(command, progress);
  }
  return 1;
}

}  // namespace rstmdb::app
