#include <algorithm>
#include <utility>

#include "admin/data_folder.h"
#include "admin/draft_folder.h"
#include "admin/export.h"
#include "admin/import_rows.h"
#include "base/limits.h"
#include "log/segment_writer.h"
#include "snapshot/reader.h"
#include "snapshot/writer.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

/// Cuts lines out of what `source` gives.
Result<void> read_lines(const LineSource& source, ImportRows& rows, Progress& progress) {
  std::string buffer;
  uint64_t done = 0;
  size_t begin = 0;  // of the line that is not complete yet
  while (true) {
    const size_t end = buffer.find('\n', begin);
    if (end != std::string::npos) {
      RSTMDB_TRY(rows.add_line(std::string_view(buffer).substr(begin, end - begin)));
      begin = end + 1;
      continue;
    }
    buffer.erase(0, begin);
    begin = 0;
    if (buffer.size() > limits::kImportLineBytesMax) return rows.too_long();
    const size_t kept = buffer.size();
    buffer.resize(kept + kReadBytes);
    RSTMDB_ASSIGN(const size_t got, source({buffer.data() + kept, kReadBytes}));
    buffer.resize(kept + got);
    done += got;
    RSTMDB_TRY(progress.at(done));
    if (got != 0) continue;
    if (!buffer.empty()) RSTMDB_TRY(rows.add_line(buffer));
    return rows.finish();
  }
}

/// Writes the rows as a snapshot and reads it back: what was taken for a state must be one.
Result<StateCounts> write_snapshot(io::FileSystem& files, DraftFolder& draft,
                                   const ImportRows& rows, const log::DatabaseId& database) {
  const std::string name = "snapshots/" + snapshot::snapshot_name(rows.facts().last_offset);
  const std::string path = draft.path() + "/" + name;
  draft.expect(name);
  RSTMDB_ASSIGN(
      const auto writer,
      snapshot::Writer::create(
          files, path, {.database = database, .facts = rows.facts(), .chain = rows.chain()}));
  for (const engine::RowBlock& block : rows.blocks()) RSTMDB_TRY(writer->write(block));
  RSTMDB_TRY(writer->finish());
  RSTMDB_ASSIGN(const snapshot::Loaded loaded,
                snapshot::load(files, path, {.state = {.hash_seed = 1}}));
  return count_state(loaded.state);
}

}  // namespace

Result<StateReport> import_lines(const ImportOptions& options, const LineSource& source) {
  io::FileSystem& files = options.files;
  RSTMDB_ASSIGN(DraftFolder draft, DraftFolder::make(files, options.data_folder));
  ImportRows rows(options.clock.wall_ms());
  options.progress.begin("importing", 0);
  RSTMDB_TRY(read_lines(source, rows, options.progress));
  StateReport report;
  options.random.fill(report.database);
  report.counts.hash = rows.facts().hash;
  const log::Offset first = rows.facts().last_offset + 1;
  if (first > 1) {
    RSTMDB_ASSIGN(report.counts, write_snapshot(files, draft, rows, report.database));
  }
  draft.expect("wal/" + log::segment_name(first));
  draft.expect("wal/" + std::string(log::kNewSegmentName));
  RSTMDB_TRY(log::SegmentWriter::create(files, log_folder(draft.path()),
                                        limits::kSegmentBytesDefault, report.database, first));
  RSTMDB_TRY(draft.publish());
  options.progress.end();
  return report;
}

}  // namespace rstmdb::admin
