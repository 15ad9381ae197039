#include "log/segment_format.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace rstmdb::log {
namespace {

constexpr size_t kHeaderCrcAt = 60;
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr size_t kOffsetDigits = 20;

uint32_t seal(char* header, uint32_t seed) {
  const uint32_t crc = crc32c({header, kHeaderCrcAt}, seed);
  store_le(header + kHeaderCrcAt, crc);
  return crc;
}

bool sealed(std::string_view header, uint32_t seed, uint32_t& crc) {
  crc = load_le<uint32_t>(header.data() + kHeaderCrcAt);
  return crc32c(header.substr(0, kHeaderCrcAt), seed) == crc;
}

}  // namespace

uint32_t group_seed(const DatabaseId& database) {
  return crc32c({database.data(), database.size()});
}

uint32_t encode(const SegmentHeader& header, char* to) {
  std::memcpy(to, kSegmentMagic.data(), kSegmentMagic.size());
  store_le(to + 8, kFormatVersion);
  store_le(to + 12, static_cast<uint32_t>(kSegmentHeaderBytes));
  std::memcpy(to + 16, header.database.data(), header.database.size());
  store_le(to + 32, header.number);
  store_le(to + 40, header.first_offset);
  store_le(to + 48, header.first_group);
  store_le(to + 56, header.chain);
  return seal(to, 0);
}

uint32_t encode(const GroupHeader& header, uint32_t seed, char* to) {
  std::memset(to, 0, kGroupHeaderBytes);
  std::memcpy(to, kGroupMagic.data(), kGroupMagic.size());
  store_le(to + 4, static_cast<uint32_t>(header.kind));
  store_le(to + 8, header.number);
  store_le(to + 16, header.durable_group);
  store_le(to + 24, header.first_offset);
  store_le(to + 32, header.record_count);
  store_le(to + 36, header.unit_count);
  store_le(to + 40, header.body_bytes);
  store_le(to + 44, header.chain);
  store_le(to + 48, header.body_crc);
  return seal(to, seed);
}

HeaderState decode(std::string_view bytes, SegmentHeader& header, uint32_t& crc) {
  const char* from = bytes.data();
  if (!bytes.starts_with(kSegmentMagic)) return HeaderState::kDamaged;
  if (!sealed(bytes, 0, crc)) return HeaderState::kDamaged;
  if (load_le<uint32_t>(from + 8) != kFormatVersion) return HeaderState::kUnknown;
  if (load_le<uint32_t>(from + 12) != kSegmentHeaderBytes) return HeaderState::kUnknown;
  std::memcpy(header.database.data(), from + 16, header.database.size());
  header.number = load_le<uint64_t>(from + 32);
  header.first_offset = load_le<uint64_t>(from + 40);
  header.first_group = load_le<uint64_t>(from + 48);
  header.chain = load_le<uint32_t>(from + 56);
  return HeaderState::kValid;
}

HeaderState decode(std::string_view bytes, uint32_t seed, GroupHeader& header, uint32_t& crc) {
  const char* from = bytes.data();
  if (!bytes.starts_with(kGroupMagic)) return HeaderState::kDamaged;
  if (!sealed(bytes, seed, crc)) return HeaderState::kDamaged;
  const auto kind = load_le<uint32_t>(from + 4);
  if (kind < 1 || kind > 3 || load_le<uint64_t>(from + 52) != 0) return HeaderState::kUnknown;
  header.kind = static_cast<GroupKind>(kind);
  header.number = load_le<uint64_t>(from + 8);
  header.durable_group = load_le<uint64_t>(from + 16);
  header.first_offset = load_le<uint64_t>(from + 24);
  header.record_count = load_le<uint32_t>(from + 32);
  header.unit_count = load_le<uint32_t>(from + 36);
  header.body_bytes = load_le<uint32_t>(from + 40);
  header.chain = load_le<uint32_t>(from + 44);
  header.body_crc = load_le<uint32_t>(from + 48);
  return HeaderState::kValid;
}

void append_unit(std::string& body, const Unit& unit) {
  char header[kUnitHeaderBytes];
  store_le(header, static_cast<uint32_t>(unit.bytes.size()));
  store_le(header + 4, unit.record_count);
  store_le(header + 8, crc32c(unit.bytes, crc32c({header, 8})));
  body.append(header, sizeof header);
  body.append(unit.bytes);
}

UnitHeader decode_unit_header(std::string_view bytes) {
  return {.bytes = load_le<uint32_t>(bytes.data()),
          .record_count = load_le<uint32_t>(bytes.data() + 4),
          .crc = load_le<uint32_t>(bytes.data() + 8)};
}

bool unit_intact(std::string_view unit) {
  const uint32_t crc =
      crc32c(unit.substr(kUnitHeaderBytes), crc32c(unit.substr(0, kUnitHeaderBytes - 4)));
  return crc == load_le<uint32_t>(unit.data() + kUnitHeaderBytes - 4);
}

std::string segment_name(Offset first_offset) {
  char name[kOffsetDigits + kSegmentSuffix.size() + 1];
  std::snprintf(name, sizeof name, "%020llu.seg", static_cast<unsigned long long>(first_offset));
  return name;
}

std::optional<Offset> parse_segment_name(std::string_view name) {
  if (name.size() != kOffsetDigits + kSegmentSuffix.size()) return std::nullopt;
  if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
  Offset offset = 0;
  for (const char digit : name.substr(0, kOffsetDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto value = static_cast<Offset>(digit - '0');
    if (offset > (UINT64_MAX - value) / 10) return std::nullopt;
    offset = offset * 10 + value;
  }
  return offset;
}

}  // namespace rstmdb::log
