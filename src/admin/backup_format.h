// The bytes of a backup: a few files of a data folder, as they are, in one file in which no byte
// can change unnoticed. All numbers are little-endian.
//
//   backup = header, chunk*                      the last chunk is the trailer, nothing follows it
//   chunk  = chunk header, body
//
//   header, 64 bytes                     chunk header, 32 bytes
//    0  magic "RSTMBKUP"                  0  magic "RSCH"
//    8  format version (1)    u32         4  kind               u32
//   12  header bytes (64)     u32         8  chunk number       u64   0, 1, 2, …
//   16  database id           16 bytes   16  entry number       u32   1, 2, …; 0 in the trailer
//   32  made at, UTC ms       u64        20  bytes of the body  u32
//   40  zero                  20 bytes   24  crc of the body    u32
//   60  crc of 0..60                     28  crc of 0..28, begun from the crc of the header
//
//   kind 1, an entry begins    body: its name, "wal/….seg" or "snapshots/….snap"
//   kind 2, bytes of it        body: kChunkBytes of them, fewer only in the entry's last chunk
//   kind 3, the trailer        body: summary, table of the entries, SHA-256 of everything before
//
// Chunks of one size put byte n of an entry at a place that can be computed, so a backup can be
// read like the folder that it was made of (backup_files.h) and is checked without being unpacked.
// That is also why it is not compressed: any compressor can be put behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/sha256.h"
#include "log/segment_format.h"

namespace rstmdb::admin {

inline constexpr std::string_view kBackupMagic = "RSTMBKUP";
inline constexpr std::string_view kChunkMagic = "RSCH";
inline constexpr uint32_t kBackupVersion = 1;
inline constexpr size_t kBackupHeaderBytes = 64;
inline constexpr size_t kChunkHeaderBytes = 32;
inline constexpr size_t kChunkBytes = 64 * 1024;

struct BackupHeader {
  log::DatabaseId database{};
  int64_t made_at_ms = 0;
};

enum class ChunkKind : uint32_t { kEntry = 1, kBytes = 2, kTrailer = 3 };

struct ChunkHeader {
  ChunkKind kind = ChunkKind::kBytes;
  uint64_t number = 0;
  uint32_t entry = 0;
  uint32_t body_bytes = 0;
  uint32_t body_crc = 0;
};

/// What the files of a backup add up to.
struct BackupSummary {
  log::Offset oldest_offset = 0;  // first record in the log files, 0: none
  log::Offset offset = 0;         // last record that the state has
  int64_t last_ts = 0;            // its time stamp
  uint64_t chain = 0;             // its hash, which the next record names
  Hash128 state_hash;
  uint64_t content_bytes = 0;  // of all entries
};

struct BackupEntry {
  std::string name;
  uint64_t bytes = 0;
  uint64_t first_chunk_at = 0;  // byte of its first chunk of bytes in the backup
};

/// Writes a header of 64 bytes to `to` and returns its crc, from which those of the chunks begin.
uint32_t encode(const BackupHeader& header, char* to);
/// Writes a chunk header of 32 bytes to `to`.
void encode(const ChunkHeader& header, uint32_t seed, char* to);

/// How bytes read. kUnknown: intact, but of a later version.
enum class Reading { kValid, kDamaged, kUnknown };
Reading decode(std::string_view bytes, BackupHeader& header, uint32_t& crc);
Reading decode(std::string_view bytes, uint32_t seed, ChunkHeader& header);
/// Byte of a header that is wrong when a single one is; `covered` bytes stand before its crc.
std::optional<size_t> wrong_byte_of_header(std::string_view bytes, size_t covered, uint32_t seed);

/// The trailer's body without its digest, which is that of everything before it.
std::string encode_trailer(const BackupSummary& summary, const std::vector<BackupEntry>& entries);
/// False when `body` (without the digest) is no trailer. Places of chunks are not in it.
bool decode_trailer(std::string_view body, BackupSummary& summary,
                    std::vector<BackupEntry>& entries);

/// "wal/00000000000000000001.seg", "snapshots/00000000000000000001.snap": the only names there are,
/// so that none can lead out of a folder.
bool is_entry_name(std::string_view name);

/// Byte of the backup where byte `at` of the entry stands.
inline uint64_t place_of(const BackupEntry& entry, uint64_t at) {
  return entry.first_chunk_at + at / kChunkBytes * (kChunkHeaderBytes + kChunkBytes) +
         kChunkHeaderBytes + at % kChunkBytes;
}

}  // namespace rstmdb::admin
