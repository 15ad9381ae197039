#include "log/log_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "log/damage.h"
#include "log/torn_tail.h"

namespace rstmdb::log {
namespace {

/// A folder that still changes after this many looks is not one of ours.
constexpr int kLooksMax = 100;

Error restless(const std::string& folder) {
  return Error(Code::kConflict, folder + " changes faster than it can be listed")
      .with("folder", folder);
}

bool is_missing(const Error& error) { return error.detail_number("errno", 0) == ENOENT; }

}  // namespace

LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

/// A listing may miss an entry that is made while it goes on, and show a later one. Two that agree
/// show what was there between them.
Result<std::vector<Offset>> LogReader::settled_names(io::FileSystem& files,
                                                     const std::string& folder) {
  RSTMDB_ASSIGN(std::vector<std::string> names, files.list(folder));
  for (int look = 0; look < kLooksMax; ++look) {
    RSTMDB_ASSIGN(std::vector<std::string> again, files.list(folder));
    if (again == names) return segments_among(folder, names);
    names = std::move(again);
  }
  return restless(folder);
}

Result<LogReader> LogReader::open(io::FileSystem& files, std::string folder, Offset from) {
  for (int look = 0; look < kLooksMax; ++look) {
    RSTMDB_ASSIGN(std::vector<Offset> names, settled_names(files, folder));
    const auto behind = std::ranges::upper_bound(names, from);
    if (behind != names.begin()) names.erase(names.begin(), std::prev(behind));
    LogReader reader;
    bool trimmed = false;
    for (const Offset name : names) {
      auto file = files.open(folder + "/" + segment_name(name), io::FileSystem::Open::kRead);
      trimmed = !file.ok() && is_missing(file.error());
      if (trimmed) break;
      if (!file.ok()) return std::move(file).error();
      RSTMDB_ASSIGN(const uint64_t size, (*file)->size());
      reader.segments_.push_back(
          {.first_offset = name, .file = std::move(file).value(), .size = size});
    }
    if (!trimmed) return reader;
  }
  return restless(folder);
}

uint64_t LogReader::total_bytes() const {
  uint64_t total = 0;
  for (const Segment& segment : segments_) total += segment.size;
  return total;
}

uint64_t LogReader::bytes_done() const { return bytes_before_ + (begun_ ? scan_->end().at : 0); }

Result<LogReader::Step> LogReader::next() {
  while (!at_end_ && index_ < segments_.size()) {
    if (!begun_) return begin_segment();
    if (scan_->at_end()) {
      if (last()) return look_again();
      bytes_before_ += segments_[index_].size;
      ++index_;
      begun_ = false;
      continue;
    }
    auto found = scan_->next();
    if (found.ok() && *found == SegmentScan::Found::kGroup) return Step::kGroup;
    const bool unreadable = !found.ok() && found.error().detail("code") != kLogDamaged;
    if (last() && !unreadable) return look_again();
    if (!found.ok()) return std::move(found).error();
    if (*found == SegmentScan::Found::kNoGroup)
      return log_damaged(path(), scan_->end().at,
                         std::string(scan_->why()) + ", in a finished segment");
  }
  return Step::kEnd;
}

Result<LogReader::Step> LogReader::begin_segment() {
  const Segment& segment = segments_[index_];
  begun_ = true;
  RSTMDB_TRY(scan_->begin(*segment.file, segment.first_offset, segment.size));
  return Step::kSegment;
}

/// The last segment has no further group, or something that is none. A second look tells what a
/// server has written since the first.
Result<LogReader::Step> LogReader::look_again() {
  const Segment& segment = segments_[index_];
  RSTMDB_ASSIGN(uint64_t size, segment.file->size());
  scan_->refresh(size);
  at_end_ = scan_->at_end();
  if (at_end_) return Step::kEnd;
  RSTMDB_ASSIGN(const SegmentScan::Found found, scan_->next());
  switch (found) {
    case SegmentScan::Found::kGroup:
      return Step::kGroup;
    case SegmentScan::Found::kNoGroup:
      return judge_tail();
    case SegmentScan::Found::kClosed: {
      RSTMDB_ASSIGN(size, segment.file->size());
      if (size > scan_->end().at)
        return log_damaged(path(), scan_->end().at, "bytes behind the mark of a clean end");
      tail_.closed = at_end_ = true;
      return Step::kEnd;
    }
  }
  return Step::kEnd;
}

Result<LogReader::Step> LogReader::judge_tail() {
  const Segment& segment = segments_[index_];
  const std::string why(scan_->why());
  RSTMDB_ASSIGN(const TornTail tail, read_tail(*segment.file, scan_->end().at, scan_->size(),
                                               scan_->seed(), scan_->end().next_group));
  if (tail.later_group == 0) {
    tail_.unknown_bytes = tail.written_bytes;
    at_end_ = true;
    return Step::kEnd;
  }
  // A later group says that this place is on disk. If a server has just written both, the place is
  // whole by now.
  scan_->refresh(scan_->size());
  RSTMDB_ASSIGN(const SegmentScan::Found found, scan_->next());
  if (found == SegmentScan::Found::kGroup) return Step::kGroup;
  return log_damaged(path(), scan_->end().at,
                     why + ", but group " + std::to_string(tail.later_group) +
                         " behind it says that this place was on disk");
}

bool LogReader::skip_segment() {
  if (index_ + 1 >= segments_.size()) {
    at_end_ = true;
    return false;
  }
  bytes_before_ += segments_[index_].size;
  ++index_;
  begun_ = false;
  scan_->start_over();
  return true;
}

}  // namespace rstmdb::log
