#include "snapshot/format.h"

#include <cstdio>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace rstmdb::snapshot {
namespace {

constexpr std::string_view kSuffix = ".snap";
constexpr size_t kOffsetDigits = 20;
constexpr uint32_t kRowsKind = 1;

void store_hash(char* to, const Hash128& hash) {
  store_le(to, hash.low);
  store_le(to + 8, hash.high);
}

Hash128 load_hash(const char* from) {
  return {load_le<uint64_t>(from), load_le<uint64_t>(from + 8)};
}

/// Puts the checksum of the `size` bytes at `part` behind them.
uint32_t seal(char* part, size_t size, uint32_t seed) {
  const uint32_t crc = crc32c({part, size}, seed);
  store_le(part + size, crc);
  return crc;
}

bool sealed(std::string_view part, size_t size, uint32_t seed) {
  return crc32c(part.substr(0, size), seed) == load_le<uint32_t>(part.data() + size);
}

bool zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

}  // namespace

uint32_t encode(const Header& header, char* to) {
  std::memset(to, 0, kHeaderBytes);
  std::memcpy(to, kMagic.data(), kMagic.size());
  store_le(to + 8, kFormatVersion);
  store_le(to + 12, static_cast<uint32_t>(kHeaderBytes));
  std::memcpy(to + 16, header.database.data(), header.database.size());
  store_le(to + 32, header.facts.last_offset);
  store_le(to + 40, static_cast<uint64_t>(header.facts.last_ts));
  store_le(to + 48, header.chain.value);
  store_le(to + 56, header.facts.definitions);
  store_le(to + 64, header.facts.instances);
  store_le(to + 72, header.facts.keys);
  store_hash(to + 80, header.facts.hash);
  return seal(to, kHeaderBytes - 4, 0);
}

void encode(const BlockHeader& header, uint32_t seed, char* to) {
  std::memcpy(to, kBlockMagic.data(), kBlockMagic.size());
  store_le(to + 4, kRowsKind);
  store_le(to + 8, header.number);
  store_le(to + 16, header.bytes);
  store_le(to + 20, header.rows);
  store_le(to + 24, header.rows_crc);
  seal(to, kBlockHeaderBytes - 4, seed);
}

void encode(const Trailer& trailer, uint32_t seed, char* to) {
  std::memset(to, 0, kTrailerBytes);
  std::memcpy(to, kTrailerMagic.data(), kTrailerMagic.size());
  store_le(to + 8, trailer.blocks);
  store_le(to + 16, trailer.rows);
  store_le(to + 24, trailer.file_bytes);
  store_hash(to + 32, trailer.digest);
  seal(to, kTrailerBytes - 4, seed);
}

PartState decode(std::string_view from, Header& header, uint32_t& crc) {
  if (!from.starts_with(kMagic)) return PartState::kDamaged;
  if (!sealed(from, kHeaderBytes - 4, 0)) return PartState::kDamaged;
  const char* at = from.data();
  crc = load_le<uint32_t>(at + kHeaderBytes - 4);
  if (load_le<uint32_t>(at + 8) != kFormatVersion) return PartState::kUnknown;
  if (load_le<uint32_t>(at + 12) != kHeaderBytes) return PartState::kUnknown;
  if (!zero(from.substr(96, 28))) return PartState::kUnknown;
  std::memcpy(header.database.data(), at + 16, header.database.size());
  header.facts.last_offset = load_le<uint64_t>(at + 32);
  header.facts.last_ts = static_cast<int64_t>(load_le<uint64_t>(at + 40));
  header.chain.value = load_le<uint64_t>(at + 48);
  header.facts.definitions = load_le<uint64_t>(at + 56);
  header.facts.instances = load_le<uint64_t>(at + 64);
  header.facts.keys = load_le<uint64_t>(at + 72);
  header.facts.hash = load_hash(at + 80);
  return PartState::kValid;
}

PartState decode(std::string_view from, uint32_t seed, BlockHeader& header) {
  if (!from.starts_with(kBlockMagic)) return PartState::kDamaged;
  if (!sealed(from, kBlockHeaderBytes - 4, seed)) return PartState::kDamaged;
  const char* at = from.data();
  if (load_le<uint32_t>(at + 4) != kRowsKind) return PartState::kUnknown;
  header.number = load_le<uint64_t>(at + 8);
  header.bytes = load_le<uint32_t>(at + 16);
  header.rows = load_le<uint32_t>(at + 20);
  header.rows_crc = load_le<uint32_t>(at + 24);
  return PartState::kValid;
}

PartState decode(std::string_view from, uint32_t seed, Trailer& trailer) {
  if (!from.starts_with(kTrailerMagic)) return PartState::kDamaged;
  if (!sealed(from, kTrailerBytes - 4, seed)) return PartState::kDamaged;
  if (!zero(from.substr(48, 12))) return PartState::kUnknown;
  const char* at = from.data();
  trailer.blocks = load_le<uint64_t>(at + 8);
  trailer.rows = load_le<uint64_t>(at + 16);
  trailer.file_bytes = load_le<uint64_t>(at + 24);
  trailer.digest = load_hash(at + 32);
  return PartState::kValid;
}

void Digest::add(std::string_view piece) {
  char both[32];
  store_hash(both, value_);
  store_hash(both + 16, hash128(piece));
  value_ = hash128({both, sizeof both});
}

std::string snapshot_name(uint64_t offset) {
  char name[kOffsetDigits + kSuffix.size() + 1];
  std::snprintf(name, sizeof name, "%020llu.snap", static_cast<unsigned long long>(offset));
  return name;
}

std::optional<uint64_t> parse_snapshot_name(std::string_view name) {
  if (name.size() != kOffsetDigits + kSuffix.size()) return std::nullopt;
  if (!name.ends_with(kSuffix)) return std::nullopt;
  uint64_t offset = 0;
  for (const char digit : name.substr(0, kOffsetDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto value = static_cast<uint64_t>(digit - '0');
    if (offset > (UINT64_MAX - value) / 10) return std::nullopt;
    offset = offset * 10 + value;
  }
  return offset;
}

}  // namespace rstmdb::snapshot
