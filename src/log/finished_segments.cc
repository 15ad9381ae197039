#include "log/finished_segments.h"

#include <utility>

#include "base/check.h"
#include "log/damage.h"

namespace rstmdb::log {
namespace {

constexpr size_t kPieces = 2;  // of a lane: the one that was taken, and the one that is read

Result<void> read_all(io::FileSystem& files, SegmentScan& scan, FinishedSegment& into) {
  Segment& segment = into.segment;
  RSTMDB_ASSIGN(const std::unique_ptr<io::File> file,
                files.open(segment.path, io::FileSystem::Open::kRead));
  RSTMDB_ASSIGN(const uint64_t size, file->size());
  scan.start_over();
  const Result<void> begun = scan.begin(*file, segment.first_offset, size);
  into.header = scan.header();
  if (!begun.ok()) return begun.error();
  segment.number = scan.segment().number;
  while (!scan.at_end()) {
    const uint64_t at = scan.end().at;
    RSTMDB_ASSIGN(const SegmentScan::Found found, scan.next());
    if (found == SegmentScan::Found::kNoGroup)
      return log_damaged(segment.path, at, std::string(scan.why()) + ", in a finished segment");
    if (found == SegmentScan::Found::kClosed) continue;
    segment.add_group(scan.group().first_offset, at, scan.end().at);
    into.groups += 1;
  }
  into.end = scan.end();
  into.closed = scan.closed();
  return {};
}

}  // namespace

FinishedSegments::FinishedSegments(io::FileSystem& files, const std::string& folder,
                                   const std::vector<Offset>& names, io::Ahead how) {
  for (size_t i = 0; i < kLanes; ++i) {
    Lane& lane = lanes_[i];
    lane.files = &files;
    lane.folder = folder;
    for (size_t k = i; k < names.size(); k += kLanes) lane.names.push_back(names[k]);
    if (lane.names.empty()) continue;
    ahead_[i] = std::make_unique<io::ReadAhead<FinishedSegment>>(
        how, kPieces, [&lane](FinishedSegment& into) { return lane.read_next(into); });
  }
}

FinishedSegment& FinishedSegments::next() {
  FinishedSegment* const segment = ahead_[taken_++ % kLanes]->next();
  RSTMDB_CHECK(segment != nullptr, "a segment for each name");
  return *segment;
}

bool FinishedSegments::Lane::read_next(FinishedSegment& into) {
  if (taken == names.size()) return false;
  into = {};
  into.segment.first_offset = names[taken++];
  into.segment.path = folder + "/" + segment_name(into.segment.first_offset);
  if (auto read = read_all(*files, scan, into); !read.ok()) into.error = std::move(read).error();
  return true;
}

}  // namespace rstmdb::log
