// The files of a backup as a file system, so that what reads a data folder also reads a backup
// without unpacking it. `<backup>/wal/….seg` is the entry `wal/….seg`; nothing can be written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/backup_format.h"
#include "io/file_system.h"

namespace rstmdb::admin {

/// One thread. Every chunk that is read has its checksums compared; a wrong one is kWalIoError with
/// details code=BACKUP_DAMAGED, file, byte, entry.
class BackupFiles final : public io::FileSystem {
 public:
  /// `file` holds `entries`; `seed` is that of its chunk headers.
  BackupFiles(std::shared_ptr<io::File> file, std::vector<BackupEntry> entries, uint32_t seed);

  Result<std::unique_ptr<io::File>> open(const std::string& path, Open how) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<std::unique_ptr<io::Lock>> lock(const std::string& path) override;
  Result<uint64_t> allocated_bytes(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;

 private:
  const BackupEntry* find(const std::string& path) const;

  const std::shared_ptr<io::File> file_;  // shared with the files opened here
  const std::vector<BackupEntry> entries_;
  const uint32_t seed_;
};

}  // namespace rstmdb::admin
