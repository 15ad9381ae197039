#include "log/torn_tail.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "log/damage.h"
#include "log/file_window.h"
#include "log/segment_format.h"

namespace rstmdb::log {
namespace {

constexpr size_t kReadBytes = 1024 * 1024;

/// Makes `copy` durable with what stands in the segment.
Result<void> copy_tail(io::File& segment, uint64_t at, uint64_t bytes, io::File& copy) {
  FileWindow window(kReadBytes);
  window.look_at(segment);
  for (uint64_t done = 0; done < bytes;) {
    RSTMDB_ASSIGN(const std::string_view piece, window.fetch(at + done, kReadBytes, at + bytes));
    if (piece.empty()) return log_damaged(segment.path(), at + done, "the file has become shorter");
    RSTMDB_TRY(copy.write_at(done, piece));
    done += piece.size();
  }
  RSTMDB_TRY(copy.sync());
  return copy.close();
}

/// The number of a group within `bytes` that claims group `expected` to be on disk; 0: none.
uint64_t find_claim(std::string_view bytes, uint32_t seed, uint64_t expected) {
  size_t at = bytes.find(kGroupMagic);
  while (at != std::string_view::npos && bytes.size() - at >= kGroupHeaderBytes) {
    GroupHeader header;
    uint32_t crc = 0;
    if (decode(bytes.substr(at), seed, header, crc) == HeaderState::kValid &&
        header.number > expected && header.durable_group >= expected)
      return header.number;
    at = bytes.find(kGroupMagic, at + 1);
  }
  return 0;
}

}  // namespace

Result<TornTail> read_tail(io::File& file, uint64_t at, uint64_t size, uint32_t seed,
                           uint64_t expected) {
  TornTail tail;
  FileWindow window(kReadBytes);
  window.look_at(file);
  // Neighbouring pieces overlap, so that a header across their border is seen whole.
  constexpr size_t kOverlap = kGroupHeaderBytes - 1;
  for (uint64_t piece = at;;) {
    RSTMDB_ASSIGN(const std::string_view bytes, window.fetch(piece, kReadBytes, size));
    tail.later_group = find_claim(bytes, seed, expected);
    if (tail.later_group != 0) return tail;
    const size_t last = bytes.find_last_not_of('\0');
    if (last != std::string_view::npos) tail.written_bytes = piece - at + last + 1;
    if (bytes.size() <= kOverlap) return tail;
    piece += bytes.size() - kOverlap;
  }
}

Result<std::string> save_tail(io::FileSystem& files, const std::string& folder, io::File& segment,
                              uint64_t at, uint64_t bytes) {
  std::string path;
  for (uint64_t n = 1;; ++n) {
    path = segment.path() + ".torn-" + std::to_string(n);
    RSTMDB_ASSIGN(const bool taken, files.exists(path));
    if (!taken) break;
  }
  RSTMDB_ASSIGN(const std::unique_ptr<io::File> copy,
                files.open(path, io::FileSystem::Open::kCreateNew));
  if (auto copied = copy_tail(segment, at, bytes, *copy); !copied.ok()) {
    // On a full disk, each start would leave another piece of it.
    static_cast<void>(files.remove(path).ok());
    return std::move(copied).error();
  }
  RSTMDB_TRY(files.sync_folder(folder));
  return path;
}

}  // namespace rstmdb::log
