// Writes a backup: entries one after the other, then the trailer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/backup_format.h"
#include "io/file_system.h"

namespace rstmdb::admin {

/// One thread. After an error nothing but the destructor may be called.
class BackupWriter {
 public:
  /// Makes `path`, which must not exist; it stays unfinished until finish().
  static Result<BackupWriter> create(io::FileSystem& files, const std::string& path,
                                     const BackupHeader& header);

  /// Names come in ascending order.
  Result<void> begin_entry(std::string name);
  Result<void> write(std::string_view bytes);
  /// The last entry is complete; everything so far is on disk and can be read from there through
  /// file().
  Result<void> end_entries();
  /// Adds the trailer; the whole file is on disk afterwards. `summary.content_bytes` is filled in
  /// here.
  Result<void> finish(BackupSummary summary);

  const std::vector<BackupEntry>& entries() const { return entries_; }
  const std::shared_ptr<io::File>& file() const { return file_; }
  uint32_t seed() const { return seed_; }
  uint64_t content_bytes() const;
  uint64_t file_bytes() const { return at_ + pending_.size(); }

 private:
  BackupWriter() = default;
  Result<void> end_entry();
  Result<void> put_chunk(ChunkKind kind, std::string_view body);
  Result<void> put(std::string_view bytes);
  Result<void> flush();

  std::shared_ptr<io::File> file_;  // shared with those who read it back
  uint32_t seed_ = 0;
  uint64_t at_ = 0;          // bytes in the file
  std::string pending_;      // not in the file yet
  uint64_t unsynced_ = 0;    // bytes
  uint64_t next_chunk_ = 0;  // number
  std::string chunk_;        // bytes of the entry that do not fill a chunk yet
  std::vector<BackupEntry> entries_;
  std::unique_ptr<Sha256Sum> digest_ = std::make_unique<Sha256Sum>();
};

}  // namespace rstmdb::admin
