// Reads a backup from its first byte to its last and believes nothing that is not proven: every
// checksum, every number, the table in the trailer, and the digest of the whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/backup_format.h"
#include "io/file_system.h"

namespace rstmdb::admin {

inline constexpr std::string_view kBackupDamaged = "BACKUP_DAMAGED";
inline constexpr std::string_view kBackupUnknownVersion = "BACKUP_UNKNOWN_VERSION";

struct BackupContents {
  BackupHeader header;
  uint32_t seed = 0;  // from which the chunk headers' checksums begin
  BackupSummary summary;
  std::vector<BackupEntry> entries;
  uint64_t file_bytes = 0;
  Sha256 digest{};
};

/// Is given the entries while they are read. What it gets has the right checksum; that the backup
/// as a whole is good is known only once read_backup() has returned. An error ends the reading.
struct BackupSink {
  std::function<Result<void>(const BackupEntry&)> begin_entry = {};
  std::function<Result<void>(std::string_view)> bytes = {};
  std::function<Result<void>(uint64_t bytes_done)> progress = {};  // of the file
};

/// Reads all of `file`. A fault is kBadRequest with details code=BACKUP_DAMAGED, file and byte, and
/// inside of an entry its name as entry and the byte of it as entry_byte; or
/// code=BACKUP_UNKNOWN_VERSION. `byte` is exact when a single byte is wrong, and otherwise the
/// first of those among which the fault is (`bytes` says how many).
Result<BackupContents> read_backup(io::File& file, const BackupSink& sink);

}  // namespace rstmdb::admin
