// Reads the committed units of a segment log: in order across segments, or here and there.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "log/file_window.h"
#include "log/log.h"
#include "log/segment_shelf.h"

namespace rstmdb::log {

/// Cursor over a shelf, on the loop's thread. May outlive its log; it then gives what was committed
/// and no more.
class SegmentCursor final : public Cursor {
 public:
  static constexpr size_t kReadBytes = 256 * 1024;

  /// Begins with the unit that holds `offset`, which is not below shelf->oldest(). The shelf is
  /// shared because either side may go first: a reader that lags, or a log that is closed. So many
  /// bytes are read at a time.
  SegmentCursor(std::shared_ptr<Shelf> shelf, Offset offset, size_t read_bytes = kReadBytes);
  ~SegmentCursor() override;
  SegmentCursor(const SegmentCursor&) = delete;
  SegmentCursor& operator=(const SegmentCursor&) = delete;

  Result<std::optional<Unit>> next() override;
  /// Goes on with the unit that holds `offset`, which is not below shelf->oldest(). What has been
  /// read is used if it is there.
  void seek(Offset offset);
  uint64_t bytes_read() const { return window_.bytes_read(); }

 private:
  void place();
  Result<void> open_segment();
  Result<void> next_group();
  Result<void> next_segment();
  Error damaged(uint64_t byte, std::string_view what) const;
  Result<std::string_view> fetch(uint64_t at, size_t size);

  std::shared_ptr<Shelf> shelf_;
  Offset wanted_;                  // the next unit given ends at or behind this offset
  uint64_t segment_;               // number
  bool placed_ = false;            // at_, offset_ and here_ are set
  const Segment* here_ = nullptr;  // segment_; the shelf leaves it where it is while we need it
  std::shared_ptr<io::File> file_;
  FileWindow window_;
  uint64_t at_ = 0;          // byte of the next unit header, or of the next group header
  uint64_t group_end_ = 0;   // byte behind the current group
  uint32_t units_left_ = 0;  // in the current group
  Offset offset_ = 0;        // first offset of what stands at at_
};

/// Each look goes to the last mark before the offset and from there over the groups' and the units'
/// headers: 64 KiB of a log of small groups, half of a group of a large one.
class SegmentLookup final : public Lookup {
 public:
  explicit SegmentLookup(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}

  Result<Unit> unit_of(Offset offset) override;
  uint64_t bytes_read() const override { return cursor_ ? cursor_->bytes_read() : 0; }

 private:
  std::shared_ptr<Shelf> shelf_;  // shared with the cursor
  std::optional<SegmentCursor> cursor_;
};

/// What is answered when the log no longer has `offset`.
Error trimmed_away(const Shelf& shelf, Offset offset);

}  // namespace rstmdb::log
