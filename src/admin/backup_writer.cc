#include "admin/backup_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kWriteBytes = 1024 * 1024;
/// Synced this often, so that the disk's queue, which a server's flushes share, stays short.
constexpr uint64_t kSyncBytes = 8 * 1024 * 1024;

}  // namespace

Result<BackupWriter> BackupWriter::create(io::FileSystem& files, const std::string& path,
                                          const BackupHeader& header) {
  BackupWriter writer;
  RSTMDB_ASSIGN(writer.file_, files.open(path, io::FileSystem::Open::kCreateNew));
  char bytes[kBackupHeaderBytes];
  writer.seed_ = encode(header, bytes);
  RSTMDB_TRY(writer.put({bytes, sizeof bytes}));
  return writer;
}

Result<void> BackupWriter::begin_entry(std::string name) {
  RSTMDB_CHECK(is_entry_name(name), name);
  RSTMDB_CHECK(entries_.empty() || entries_.back().name < name, name);
  if (entries_.size() == limits::kBackupEntriesMax)
    return Error(Code::kBadRequest, "more files than a backup can hold")
        .with("limit", static_cast<int64_t>(limits::kBackupEntriesMax));
  RSTMDB_TRY(end_entry());
  entries_.push_back({.name = std::move(name)});
  RSTMDB_TRY(put_chunk(ChunkKind::kEntry, entries_.back().name));
  entries_.back().first_chunk_at = file_bytes();
  return {};
}

Result<void> BackupWriter::write(std::string_view bytes) {
  entries_.back().bytes += bytes.size();
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kChunkBytes - chunk_.size());
    chunk_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (chunk_.size() < kChunkBytes) continue;
    RSTMDB_TRY(put_chunk(ChunkKind::kBytes, chunk_));
    chunk_.clear();
  }
  return {};
}

Result<void> BackupWriter::end_entry() {
  if (chunk_.empty()) return {};
  RSTMDB_TRY(put_chunk(ChunkKind::kBytes, chunk_));
  chunk_.clear();
  return {};
}

Result<void> BackupWriter::end_entries() {
  RSTMDB_TRY(end_entry());
  RSTMDB_TRY(flush());
  RSTMDB_TRY(file_->sync());
  file_->forget_cached();
  return {};
}

uint64_t BackupWriter::content_bytes() const {
  uint64_t bytes = 0;
  for (const BackupEntry& entry : entries_) bytes += entry.bytes;
  return bytes;
}

Result<void> BackupWriter::finish(BackupSummary summary) {
  RSTMDB_TRY(end_entry());
  summary.content_bytes = content_bytes();
  std::string body = encode_trailer(summary, entries_);
  digest_->update(body);
  const Sha256 digest = digest_->finish();
  body.append(digest.data(), digest.size());
  digest_ = std::make_unique<Sha256Sum>();  // takes what follows, for nobody
  RSTMDB_TRY(put_chunk(ChunkKind::kTrailer, body));
  RSTMDB_TRY(flush());
  RSTMDB_TRY(file_->sync());
  return {};
}

Result<void> BackupWriter::put_chunk(ChunkKind kind, std::string_view body) {
  const bool trailer = kind == ChunkKind::kTrailer;
  const ChunkHeader header{.kind = kind,
                           .number = next_chunk_++,
                           .entry = trailer ? 0 : static_cast<uint32_t>(entries_.size()),
                           .body_bytes = static_cast<uint32_t>(body.size()),
                           .body_crc = crc32c(body)};
  char bytes[kChunkHeaderBytes];
  encode(header, seed_, bytes);
  RSTMDB_TRY(put({bytes, sizeof bytes}));
  return put(body);
}

Result<void> BackupWriter::put(std::string_view bytes) {
  digest_->update(bytes);
  pending_.append(bytes);
  return pending_.size() >= kWriteBytes ? flush() : Result<void>();
}

Result<void> BackupWriter::flush() {
  RSTMDB_TRY(file_->write_at(at_, pending_));
  at_ += pending_.size();
  unsynced_ += pending_.size();
  pending_.clear();
  if (unsynced_ < kSyncBytes) return {};
  unsynced_ = 0;
  return file_->sync();
}

}  // namespace rstmdb::admin
