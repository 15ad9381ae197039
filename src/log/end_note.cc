#include "log/end_note.h"

#include <array>
#include <memory>

#include "log/damage.h"

namespace rstmdb::log {
namespace {

std::string note_path(const std::string& folder) {
  return folder + "/" + std::string(kEndNoteName);
}

}  // namespace

Result<void> write_end_note(io::FileSystem& files, const std::string& folder, const LogEnd& end) {
  std::array<char, kSegmentHeaderBytes> bytes;
  encode(SegmentHeader{.database = end.database,
                       .number = end.segment_number + 1,
                       .first_offset = end.next_offset,
                       .first_group = end.next_group,
                       .chain = end.chain},
         bytes.data());
  const std::string draft = folder + "/" + std::string(kEndNoteDraftName);
  RSTMDB_ASSIGN(const std::unique_ptr<io::File> file,
                files.open(draft, io::FileSystem::Open::kCreateNew));
  RSTMDB_TRY(file->write_at(0, {bytes.data(), bytes.size()}));
  RSTMDB_TRY(file->sync());
  RSTMDB_TRY(file->close());
  RSTMDB_TRY(files.rename(draft, note_path(folder)));
  return files.sync_folder(folder);
}

Result<std::optional<SegmentHeader>> read_end_note(io::FileSystem& files,
                                                   const std::string& folder) {
  const std::string path = note_path(folder);
  RSTMDB_ASSIGN(const bool there, files.exists(path));
  if (!there) return std::optional<SegmentHeader>();
  RSTMDB_ASSIGN(const std::unique_ptr<io::File> file,
                files.open(path, io::FileSystem::Open::kRead));
  std::array<char, kSegmentHeaderBytes + 1> bytes;
  RSTMDB_ASSIGN(const size_t size, file->read_at(0, bytes));
  if (size != kSegmentHeaderBytes)
    return log_damaged(path, size, "the note of a clean end has another size");
  SegmentHeader note;
  uint32_t crc = 0;
  switch (decode({bytes.data(), size}, note, crc)) {
    case HeaderState::kValid:
      return std::optional(note);
    case HeaderState::kDamaged:
      return log_damaged(path, 0, "the note of a clean end is none, or its checksum is wrong");
    case HeaderState::kUnknown:
      return log_unknown_version(path, 0);
  }
  check_failed(__FILE__, __LINE__, "known header state", "");
}

Result<void> compare_with_end_note(const SegmentHeader& note, const std::string& folder,
                                   const LogEnd& end, const std::string& last_file) {
  if (last_file.empty())
    return log_damaged(note_path(folder), 0, "a log was closed here, and there are no segments");
  if (note.database != end.database)
    return log_damaged(note_path(folder), 16, "the note of a clean end is another database's");
  const bool shorter = end.next_group < note.first_group || end.next_offset < note.first_offset;
  const bool same_end = end.next_group == note.first_group;
  if (!shorter && (!same_end || end.chain == note.chain)) return {};
  return log_damaged(last_file, end.at,
                     "the log ends here with record " + std::to_string(end.next_offset - 1) +
                         ", but it has been closed behind record " +
                         std::to_string(note.first_offset - 1));
}

}  // namespace rstmdb::log
