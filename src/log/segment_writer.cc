#include "log/segment_writer.h"

#include <utility>

#include "base/crc32c.h"
#include "log/end_note.h"

namespace rstmdb::log {
namespace {
constexpr uint64_t kPageBytes = 4096;
}

SegmentWriter::SegmentWriter(io::FileSystem& files, std::string folder, uint64_t segment_bytes)
    : files_(files), folder_(std::move(folder)), segment_bytes_(segment_bytes) {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(io::FileSystem& files,
                                                             std::string folder,
                                                             uint64_t segment_bytes,
                                                             const DatabaseId& database,
                                                             Offset first_offset) {
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(files, std::move(folder), segment_bytes));
  writer->end_.database = database;
  writer->end_.next_offset = first_offset;
  writer->seed_ = group_seed(database);
  RSTMDB_TRY(writer->begin_segment(1, 0));
  return writer;
}

std::unique_ptr<SegmentWriter> SegmentWriter::resume(io::FileSystem& files, std::string folder,
                                                     uint64_t segment_bytes, const LogEnd& end,
                                                     std::unique_ptr<io::File> file,
                                                     Offset segment_first_offset) {
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(files, std::move(folder), segment_bytes));
  writer->end_ = end;
  writer->seed_ = group_seed(end.database);
  writer->file_ = std::move(file);
  writer->segment_first_offset_ = segment_first_offset;
  writer->durable_group_ = end.next_group - 1;
  return writer;
}

Result<SegmentWriter::Written> SegmentWriter::write(Group& group) {
  if (rotation_is_due(group)) RSTMDB_TRY(rotate());
  const std::string_view body = std::string_view(group.bytes).substr(kGroupHeaderBytes);
  const GroupHeader header{.kind = group.kind,
                           .number = end_.next_group,
                           .durable_group = durable_group_,
                           .first_offset = end_.next_offset,
                           .record_count = group.record_count,
                           .unit_count = group.unit_count,
                           .body_bytes = static_cast<uint32_t>(body.size()),
                           .chain = end_.chain,
                           .body_crc = crc32c(body)};
  const uint32_t crc = encode(header, seed_, group.bytes.data());
  ++counters_.writes;
  const size_t size = group.bytes.size();
  fill_page(group.bytes);
  if (auto wrote = file_->write_at(end_.at, group.bytes); !wrote.ok()) {
    cut_failed_write();
    return std::move(wrote).error();
  }
  counters_.bytes_written += group.bytes.size();
  group.bytes.resize(size);
  const uint64_t at = end_.at;
  end_.at += size;
  end_.next_group += 1;
  end_.next_offset += group.record_count;
  end_.chain = crc;
  return Written{.segment_number = end_.segment_number,
                 .path = file_->path(),
                 .segment_first_offset = segment_first_offset_,
                 .at = at,
                 .end = end_.at,
                 .zeroed_bytes = zeros_until_ > end_.at ? zeros_until_ - end_.at : 0};
}

/// Within zeros, a write reaches to the end of its last page. The zeros were written past the page
/// cache (File::write_zeros), and a page of which only the front is written would be read first.
void SegmentWriter::fill_page(std::string& bytes) const {
  const uint64_t end = end_.at + bytes.size();
  const uint64_t page_end = (end + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (page_end <= zeros_until_) bytes.append(page_end - end, '\0');
}

bool SegmentWriter::rotation_is_due(const Group& group) const {
  if (group.kind != GroupKind::kUnits) return false;
  // A segment without records is never left: its successor would have the same name.
  if (end_.next_offset == segment_first_offset_) return false;
  const bool full = end_.at + group.bytes.size() > segment_bytes_;
  return full || (prepared_ && zeros_until_ <= end_.at);
}

Result<void> SegmentWriter::sync() {
  ++counters_.syncs;
  RSTMDB_TRY(file_->sync());
  durable_group_ = end_.next_group - 1;
  return {};
}

Result<void> SegmentWriter::check_file() {
  RSTMDB_ASSIGN(const io::FileStatus now, file_->status());
  if (now.at_path) return {};
  return Error(Code::kWalIoError,
               file_->path() + " was removed, moved or replaced by another process")
      .with("code", "FILE_GONE")
      .with("call", "status")
      .with("path", file_->path());
}

Result<void> SegmentWriter::rotate() {
  RSTMDB_TRY(cut_zero_tail());
  RSTMDB_TRY(sync());
  RSTMDB_TRY(file_->close());
  return begin_segment(end_.segment_number + 1, end_.chain);
}

Result<void> SegmentWriter::begin_segment(uint64_t number, uint32_t chain) {
  const bool prepared = prepared_ != nullptr;
  const std::string draft =
      folder_ + "/" + std::string(prepared ? kPreparedSegmentName : kNewSegmentName);
  std::unique_ptr<io::File> file = std::move(prepared_);
  if (!prepared) {
    RSTMDB_ASSIGN(file, files_.open(draft, io::FileSystem::Open::kCreateNew));
  }
  char bytes[kSegmentHeaderBytes];
  const uint32_t crc = encode(SegmentHeader{.database = end_.database,
                                            .number = number,
                                            .first_offset = end_.next_offset,
                                            .first_group = end_.next_group,
                                            .chain = chain},
                              bytes);
  RSTMDB_TRY(file->write_at(0, {bytes, sizeof bytes}));
  RSTMDB_TRY(file->sync());
  RSTMDB_TRY(file->close());
  counters_.writes += 1;
  counters_.syncs += 1;
  counters_.bytes_written += sizeof bytes;
  const std::string path = folder_ + "/" + segment_name(end_.next_offset);
  RSTMDB_TRY(files_.rename(draft, path));
  RSTMDB_TRY(files_.sync_folder(folder_));
  // Opened by its name, so that errors name the file that an operator finds.
  RSTMDB_ASSIGN(file_, files_.open(path, io::FileSystem::Open::kReadWrite));
  zeros_until_ = prepared ? segment_bytes_ : 0;
  end_.segment_number = number;
  end_.at = kSegmentHeaderBytes;
  end_.chain = crc;
  segment_first_offset_ = end_.next_offset;
  return {};
}

/// Whole segments end with their last group, so that whatever stands behind it is damage.
Result<void> SegmentWriter::cut_zero_tail() {
  if (zeros_until_ <= end_.at) return {};
  zeros_until_ = 0;
  return file_->truncate(end_.at);
}

void SegmentWriter::cut_failed_write() {
  // The log stops either way; this only spares the next start a torn tail.
  if (file_->truncate(end_.at).ok() && file_->sync().ok()) durable_group_ = end_.next_group - 1;
}

Result<void> SegmentWriter::close() {
  if (std::exchange(prepared_, nullptr)) {
    // Should it stay, the next start removes it.
    static_cast<void>(files_.remove(folder_ + "/" + std::string(kPreparedSegmentName)).ok());
  }
  RSTMDB_TRY(cut_zero_tail());
  RSTMDB_TRY(sync());
  const LogEnd end = end_;
  Group mark{.kind = GroupKind::kClosed};
  RSTMDB_ASSIGN(const Written written, write(mark));
  static_cast<void>(written);
  RSTMDB_TRY(sync());
  RSTMDB_TRY(check_file());
  RSTMDB_TRY(file_->close());
  return write_end_note(files_, folder_, end);
}

}  // namespace rstmdb::log
