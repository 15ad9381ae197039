#include "admin/backup_format.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kHeaderCrcAt = 60;
constexpr size_t kChunkCrcAt = 28;
constexpr size_t kNameDigits = 20;

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

uint32_t encode(const BackupHeader& header, char* to) {
  std::memset(to, 0, kBackupHeaderBytes);
  std::memcpy(to, kBackupMagic.data(), kBackupMagic.size());
  store_le(to + 8, kBackupVersion);
  store_le(to + 12, static_cast<uint32_t>(kBackupHeaderBytes));
  std::memcpy(to + 16, header.database.data(), header.database.size());
  store_le(to + 32, static_cast<uint64_t>(header.made_at_ms));
  const uint32_t crc = crc32c({to, kHeaderCrcAt});
  store_le(to + kHeaderCrcAt, crc);
  return crc;
}

void encode(const ChunkHeader& header, uint32_t seed, char* to) {
  std::memcpy(to, kChunkMagic.data(), kChunkMagic.size());
  store_le(to + 4, static_cast<uint32_t>(header.kind));
  store_le(to + 8, header.number);
  store_le(to + 16, header.entry);
  store_le(to + 20, header.body_bytes);
  store_le(to + 24, header.body_crc);
  store_le(to + kChunkCrcAt, crc32c({to, kChunkCrcAt}, seed));
}

Reading decode(std::string_view bytes, BackupHeader& header, uint32_t& crc) {
  const char* from = bytes.data();
  crc = load_le<uint32_t>(from + kHeaderCrcAt);
  if (!bytes.starts_with(kBackupMagic) || crc32c(bytes.substr(0, kHeaderCrcAt)) != crc)
    return Reading::kDamaged;
  if (load_le<uint32_t>(from + 8) != kBackupVersion ||
      load_le<uint32_t>(from + 12) != kBackupHeaderBytes || !all_zero(bytes.substr(40, 20)))
    return Reading::kUnknown;
  std::memcpy(header.database.data(), from + 16, header.database.size());
  header.made_at_ms = static_cast<int64_t>(load_le<uint64_t>(from + 32));
  return Reading::kValid;
}

Reading decode(std::string_view bytes, uint32_t seed, ChunkHeader& header) {
  const char* from = bytes.data();
  if (!bytes.starts_with(kChunkMagic) ||
      crc32c(bytes.substr(0, kChunkCrcAt), seed) != load_le<uint32_t>(from + kChunkCrcAt))
    return Reading::kDamaged;
  const auto kind = load_le<uint32_t>(from + 4);
  if (kind < 1 || kind > 3) return Reading::kUnknown;
  header.kind = static_cast<ChunkKind>(kind);
  header.number = load_le<uint64_t>(from + 8);
  header.entry = load_le<uint32_t>(from + 16);
  header.body_bytes = load_le<uint32_t>(from + 20);
  header.body_crc = load_le<uint32_t>(from + 24);
  return Reading::kValid;
}

std::optional<size_t> wrong_byte_of_header(std::string_view bytes, size_t covered, uint32_t seed) {
  return find_wrong_byte(covered, crc32c(bytes.substr(0, covered), seed),
                         load_le<uint32_t>(bytes.data() + covered));
}

std::string encode_trailer(const BackupSummary& summary, const std::vector<BackupEntry>& entries) {
  std::string body;
  append_le(body, summary.oldest_offset);
  append_le(body, summary.offset);
  append_le(body, static_cast<uint64_t>(summary.last_ts));
  append_le(body, summary.chain);
  append_le(body, summary.state_hash.low);
  append_le(body, summary.state_hash.high);
  append_le(body, summary.content_bytes);
  append_varint(body, entries.size());
  for (const BackupEntry& entry : entries) {
    append_text(body, entry.name);
    append_varint(body, entry.bytes);
  }
  return body;
}

bool decode_trailer(std::string_view body, BackupSummary& summary,
                    std::vector<BackupEntry>& entries) {
  ByteReader in(body);
  summary.oldest_offset = in.fixed<uint64_t>();
  summary.offset = in.fixed<uint64_t>();
  summary.last_ts = static_cast<int64_t>(in.fixed<uint64_t>());
  summary.chain = in.fixed<uint64_t>();
  summary.state_hash.low = in.fixed<uint64_t>();
  summary.state_hash.high = in.fixed<uint64_t>();
  summary.content_bytes = in.fixed<uint64_t>();
  const uint64_t count = in.varint();
  if (!in.ok() || count > limits::kBackupEntriesMax) return false;
  entries.clear();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    BackupEntry entry;
    entry.name = in.text();
    entry.bytes = in.varint();
    entries.push_back(std::move(entry));
  }
  return in.ok() && in.at_end();
}

bool is_entry_name(std::string_view name) {
  std::string_view suffix;
  if (name.starts_with("wal/")) {
    name.remove_prefix(4);
    suffix = ".seg";
  } else if (name.starts_with("snapshots/")) {
    name.remove_prefix(10);
    suffix = ".snap";
  } else {
    return false;
  }
  return name.size() == kNameDigits + suffix.size() && name.ends_with(suffix) &&
         name.find_first_not_of("0123456789") == kNameDigits;
}

}  // namespace rstmdb::admin
