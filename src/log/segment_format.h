// The bytes of a segment file. All numbers are little-endian; nothing is padded.
//
//   segment  = segment header, group*                       file <first offset, 20 digits>.seg
//   group    = group header, unit*                          one flush; its bytes are written at
//   once unit     = unit header, bytes                           reaches the log whole or not at
//   all
//
//   segment header, 64 bytes            group header, 64 bytes             unit header, 12 bytes
//    0  magic "RSTMSEGM"                 0  magic "RSGP"                    0  bytes         u32
//    8  format version    u32            4  kind               u32          4  record count  u32
//   12  header bytes (64) u32            8  group number       u64          8  crc of the unit:
//   16  database id       16 bytes      16  durable group      u64             bytes 0..8 of this
//   32  segment number    u64           24  first offset       u64             header, then the
//   40  first offset      u64           32  record count       u32             unit's bytes
//   48  first group       u64           36  unit count         u32
//   56  chain             u32           40  body bytes         u32
//   60  crc of 0..60      u32           44  chain              u32
//                                       48  crc of the body    u32
//                                       52  zero               8 bytes
//                                       60  crc of 0..60       u32
//
// Rules that must hold:
//  - `chain` is the header crc of what stands before: the previous group, or the segment's own
//    header for its first group; a segment header names the last group of the segment before it. A
//    group header holds its body's crc, so the chain covers every byte of the log.
//  - The crc of a group header starts from the crc of the database id, so bytes that a client put
//    into a record can never pass for a group header: it does not know that number.
//  - Group numbers and offsets are dense over the whole log. `durable group` is the last group that
//    was known to be on disk when this one was written: damage in or before it is no torn write.
//
// A per-record group header was rejected: one write and one flush make a group, so that is what can
// tear.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/log.h"

namespace rstmdb::log {

using DatabaseId = std::array<char, 16>;

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kGroupHeaderBytes = 64;
inline constexpr size_t kUnitHeaderBytes = 12;
inline constexpr std::string_view kSegmentMagic = "RSTMSEGM";
inline constexpr std::string_view kGroupMagic = "RSGP";

struct SegmentHeader {
  DatabaseId database{};
  uint64_t number = 0;  // 1, 2, 3, … over the life of the database
  Offset first_offset = 0;
  uint64_t first_group = 0;
  uint32_t chain = 0;
};

enum class GroupKind : uint32_t {
  kUnits = 1,
  kOpened = 2,  // no units: the log was opened here, with everything before it on disk
  kClosed = 3,  // no units: a clean end; nothing may follow in the file
};

struct GroupHeader {
  GroupKind kind = GroupKind::kUnits;
  uint64_t number = 0;
  uint64_t durable_group = 0;
  Offset first_offset = 0;
  uint32_t record_count = 0;
  uint32_t unit_count = 0;
  uint32_t body_bytes = 0;
  uint32_t chain = 0;
  uint32_t body_crc = 0;
};

struct UnitHeader {
  uint32_t bytes = 0;
  uint32_t record_count = 0;
  uint32_t crc = 0;
};

/// The place where the next group goes.
struct LogEnd {
  DatabaseId database{};
  uint64_t segment_number = 0;
  uint64_t at = 0;  // byte in the segment
  uint64_t next_group = 1;
  Offset next_offset = 1;
  uint32_t chain = 0;
};

/// How a header read. kUnknown: the checksum is right, so another version of rstmdb wrote it.
enum class HeaderState { kValid, kDamaged, kUnknown };

/// The checksum that group headers of this database start from.
uint32_t group_seed(const DatabaseId& database);

/// Writes 64 bytes to `to` and returns the header's crc, which the next group names as its chain.
uint32_t encode(const SegmentHeader& header, char* to);
uint32_t encode(const GroupHeader& header, uint32_t seed, char* to);

/// Reads a header from the first 64 of `bytes` (which must hold them); `crc` gets its checksum.
HeaderState decode(std::string_view bytes, SegmentHeader& header, uint32_t& crc);
HeaderState decode(std::string_view bytes, uint32_t seed, GroupHeader& header, uint32_t& crc);

/// Appends a unit's header and bytes to a group's body.
void append_unit(std::string& body, const Unit& unit);
/// Reads a unit's header from the first 12 of `bytes`.
UnitHeader decode_unit_header(std::string_view bytes);
/// Whether `unit` (its header and its bytes) carries the checksum that it should.
bool unit_intact(std::string_view unit);

/// "00000000000000000001.seg" for offset 1, and back; nothing when `name` is not of that form.
std::string segment_name(Offset first_offset);
std::optional<Offset> parse_segment_name(std::string_view name);

}  // namespace rstmdb::log
