// How the report of a backup or a restore reads, for people and for programs.
#include "admin/backup.h"
#include "admin/data_folder.h"
#include "json/writer.h"

namespace rstmdb::admin {

std::string to_text(const BackupReport& report) {
  const BackupSummary& summary = report.summary;
  std::string out = report.path + "\n";
  out += "  holds   " + std::to_string(report.entries) + " files, " +
         readable_bytes(summary.content_bytes) + "; " + readable_bytes(report.file_bytes) +
         " with checksums\n";
  out += "  state   record " + std::to_string(summary.offset) + ", hash " +
         summary.state_hash.hex() + "\n";
  out += "  from    ";
  out += report.snapshot_offset == 0
             ? std::string("the log alone")
             : "the snapshot of record " + std::to_string(report.snapshot_offset) +
                   " and the log behind it";
  out += ", database " + hex(report.database) + "\n";
  for (const Error& error : report.passed_over)
    out += "  WARNING a newer snapshot was passed over: " + error.message() + "\n";
  return out;
}

std::string to_json(const BackupReport& report) {
  const BackupSummary& summary = report.summary;
  std::string out;
  json::Writer json(out);
  json.open_object()
      .member("file", report.path)
      .member("file_bytes", report.file_bytes)
      .member("entries", report.entries)
      .member("content_bytes", summary.content_bytes)
      .member("database", hex(report.database))
      .member("made_at", report.made_at_ms)
      .member("snapshot_offset", report.snapshot_offset)
      .member("oldest_offset", summary.oldest_offset)
      .member("offset", summary.offset)
      .member("last_ts", summary.last_ts)
      .member("state_hash", summary.state_hash.hex())
      .key("passed_over")
      .open_array();
  for (const Error& error : report.passed_over) json.value(error.message());
  json.close_array().close_object();
  return out;
}

}  // namespace rstmdb::admin
