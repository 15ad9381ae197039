#include "log/segment_recovery.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "log/damage.h"
#include "log/end_note.h"
#include "log/file_window.h"
#include "log/finished_segments.h"
#include "log/segment_scan.h"
#include "log/torn_tail.h"

namespace rstmdb::log {
namespace {

class Recoverer {
 public:
  Recoverer(io::FileSystem& files, const std::string& folder, io::Ahead ahead)
      : files_(files), folder_(folder), ahead_(ahead) {}

  Result<Recovered> run(const std::function<void(const RecoveryProgress&)>& progress) {
    RSTMDB_ASSIGN(const std::vector<Offset> names, find_segments());
    RSTMDB_ASSIGN(const std::optional<SegmentHeader> note, read_end_note(files_, folder_));
    std::vector<Offset> finished = names;
    if (!finished.empty()) finished.pop_back();
    FinishedSegments ahead(files_, folder_, finished, ahead_);
    for (size_t i = 0; i < names.size(); ++i) {
      RSTMDB_TRY(i < finished.size() ? take(ahead.next()) : scan_last(names[i]));
      if (progress)
        progress({.segments_done = i + 1,
                  .segments_total = names.size(),
                  .bytes_done = bytes_done_,
                  .latest_offset = found_.end.next_offset - 1});
    }
    found_.report.segments = names.size();
    if (note) {
      const std::string last = names.empty() ? std::string() : file_->path();
      RSTMDB_TRY(compare_with_end_note(*note, folder_, found_.end, last));
    }
    if (names.empty()) return std::move(found_);
    RSTMDB_TRY(settle());
    return std::move(found_);
  }

 private:
  /// First offsets of the segments, ascending. Drafts of segments are removed.
  Result<std::vector<Offset>> find_segments() {
    RSTMDB_ASSIGN(const std::vector<std::string> names, files_.list(folder_));
    for (const std::string& name : names)
      if (name == kNewSegmentName || name == kPreparedSegmentName || name == kEndNoteDraftName)
        RSTMDB_TRY(files_.remove(folder_ + "/" + name));
    return segments_among(folder_, names);
  }

  /// Takes over what was read of the next finished segment, if that is what follows.
  Result<void> take(FinishedSegment& next) {
    if (next.header)
      RSTMDB_TRY(scan_.follow(next.segment.path, *next.header, next.end, next.closed));
    if (next.error) return *next.error;
    bytes_done_ += next.end.at;
    found_.report.groups += next.groups;
    found_.end = next.end;
    found_.segments.push_back(std::move(next.segment));
    return {};
  }

  Result<void> scan_last(Offset named) {
    const std::string path = folder_ + "/" + segment_name(named);
    RSTMDB_ASSIGN(file_, files_.open(path, io::FileSystem::Open::kReadWrite));
    RSTMDB_ASSIGN(const uint64_t size, file_->size());
    RSTMDB_TRY(scan_.begin(*file_, named, size));
    Segment segment;
    segment.number = scan_.segment().number;
    segment.path = path;
    segment.first_offset = named;
    found_.segments.push_back(std::move(segment));
    while (!scan_.at_end()) {
      const uint64_t at = scan_.end().at;
      RSTMDB_ASSIGN(const SegmentScan::Found found, scan_.next());
      if (found == SegmentScan::Found::kNoGroup) {
        RSTMDB_TRY(judge_end());
        break;
      }
      note_unproven(at);
      if (found == SegmentScan::Found::kClosed) continue;
      found_.segments.back().add_group(scan_.group().first_offset, at, scan_.end().at);
      found_.report.groups += 1;
    }
    bytes_done_ += scan_.end().at;
    found_.end = scan_.end();
    return {};
  }

  /// Keeps the places of the last segment's groups of which no group behind them says that they
  /// were on disk. Older segments were synced before their successor was begun.
  void note_unproven(uint64_t at) {
    const GroupHeader& group = scan_.group();
    while (!unproven_.empty() && unproven_.front().number <= group.durable_group)
      unproven_.pop_front();
    unproven_.push_back({group.number, at});
  }

  /// What stands at the scan's end is no whole group: damage, or a torn tail.
  Result<void> judge_end() {
    const uint64_t at = scan_.end().at;
    const std::string why(scan_.why());
    RSTMDB_ASSIGN(tail_, read_tail(*file_, at, scan_.size(), scan_.seed(), scan_.end().next_group));
    if (tail_.later_group == 0) return {};
    return log_damaged(file_->path(), at,
                       why + ", but group " + std::to_string(tail_.later_group) +
                           " behind it says that this place was on disk");
  }

  /// Cuts what does not belong to the log off its end. Whatever remains is on disk afterwards, also
  /// what a killed process had left to the kernel.
  Result<void> settle() {
    found_.report.clean_close = scan_.closed();
    uint64_t end = found_.end.at;
    if (scan_.closed()) end -= kGroupHeaderBytes;
    if (tail_.written_bytes != 0) {
      Recovery& report = found_.report;
      RSTMDB_ASSIGN(report.torn_copy, save_tail(files_, folder_, *file_, end, tail_.written_bytes));
      report.torn_bytes = tail_.written_bytes;
      report.torn_file = file_->path();
      report.torn_byte = end;
    }
    found_.end.at = end;
    if (end < scan_.size()) RSTMDB_TRY(file_->truncate(end));
    if (!unproven_.empty()) RSTMDB_TRY(write_again(unproven_.front().at, end));
    RSTMDB_TRY(file_->sync());
    RSTMDB_TRY(files_.sync_folder(folder_));
    found_.last_file = std::move(file_);
    return {};
  }

  /// The same bytes to the same place. When a sync has failed, pages may read as they were written
  /// although they are not on the disk, and count as clean: no later sync would bring them there. A
  /// process that ended by such a failure may have left its last groups in that state.
  Result<void> write_again(uint64_t from, uint64_t end) {
    FileWindow window(kRewriteBytes);
    window.look_at(*file_);
    for (uint64_t at = from; at < end;) {
      RSTMDB_ASSIGN(const std::string_view bytes,
                    window.fetch(at, std::min<uint64_t>(kRewriteBytes, end - at), end));
      if (bytes.empty()) return log_damaged(file_->path(), at, "the file has become shorter");
      RSTMDB_TRY(file_->write_at(at, bytes));
      at += bytes.size();
    }
    return {};
  }

  static constexpr size_t kRewriteBytes = 1024 * 1024;
  struct Place {
    uint64_t number;  // of the group
    uint64_t at;      // in the last segment
  };

  io::FileSystem& files_;
  const std::string& folder_;
  const io::Ahead ahead_;
  Recovered found_;
  SegmentScan scan_;
  uint64_t bytes_done_ = 0;
  TornTail tail_;
  std::deque<Place> unproven_;
  std::unique_ptr<io::File> file_;  // the last segment
};

}  // namespace

Result<Recovered> recover(io::FileSystem& files, const std::string& folder,
                          const std::function<void(const RecoveryProgress&)>& progress,
                          io::Ahead ahead) {
  return Recoverer(files, folder, ahead).run(progress);
}

}  // namespace rstmdb::log
