#include "app/restore_report.h"

#include <algorithm>

#include "base/logging.h"

namespace rstmdb::app {

void report_load(const node::LoadProgress& progress,
                 const std::function<void(const std::string&)>& on_step) {
  on_step("loading the snapshot: " + std::to_string(progress.read.bytes_done) + " of " +
          std::to_string(progress.read.bytes_total) + " bytes");
  const auto ms = static_cast<uint64_t>(std::max<int64_t>(progress.elapsed_ms, 1));
  log_line(Level::kInfo, "loading the snapshot",
           {{"bytes", progress.read.bytes_done},
            {"of", progress.read.bytes_total},
            {"rows", progress.read.rows_done},
            {"rows_per_second", progress.read.rows_done * 1000 / ms},
            {"elapsed_ms", progress.elapsed_ms}});
}

void report_restored(const node::Restored& restored) {
  for (const node::Damaged& damaged : restored.damaged) {
    log_line(Level::kError, "a snapshot is damaged and was not used",
             {{"file", damaged.stored.path},
              {"error", damaged.error.to_string()},
              {"kept_as", damaged.kept_as}});
  }
  if (!restored.start) return;
  log_line(Level::kInfo, "the snapshot was loaded",
           {{"file", restored.kept.back().path},
            {"offset", restored.start->state.last_offset()},
            {"bytes", restored.file_bytes},
            {"ms", restored.elapsed_ms}});
}

}  // namespace rstmdb::app
