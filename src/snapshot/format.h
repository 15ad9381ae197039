// The bytes of a snapshot file. All numbers are little-endian; nothing is padded.
//
//   snapshot = header, block*, trailer                 file <offset, 20 digits>.snap
//   block    = block header, whole rows (engine/rows.h)
//
//   header, 128 bytes                   block header, 32 bytes        trailer, 64 bytes
//     0  magic "RSTMSNAP"                0  magic "RSBK"                0  magic "RSTMSEND"
//     8  format version    u32           4  kind (1: rows)  u32         8  blocks        u64
//    12  header bytes 128  u32           8  block number    u64        16  rows          u64
//    16  database id       16 bytes     16  bytes           u32        24  bytes of the
//    32  offset            u64          20  rows            u32            file          u64
//    40  time stamp        i64          24  crc of the rows u32        32  digest        16 bytes
//    48  chain             u64          28  crc of 0..28    u32        48  zero          12 bytes
//    56  definitions       u64                                         60  crc of 0..60  u32
//    64  instances         u64
//    72  keys              u64          Block numbers are 1, 2, 3, …; the crcs of block headers
//    80  state hash        16 bytes     and trailer start from the header's crc, so that parts of
//    96  zero              28 bytes     two snapshots never fit together.
//   124  crc of 0..124     u32
//
// `offset` is that of the last record folded into the state, `time stamp` is its time and `chain`
// its link (engine::ChainHash), which the first record behind the snapshot names as its previous.
// `digest` covers every byte before the trailer. The state hash is the sum of the rows' hashes and
// the position's, so a reader that has every row knows whether they are the state.
//
// Rejected: one checksum at the end alone (it says that something is wrong and not where), and
// compression (the rows are read at the speed of the disk; it would cost the processor that
// serves).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "engine/record.h"
#include "engine/state.h"

namespace rstmdb::snapshot {

using DatabaseId = std::array<char, 16>;

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kBlockHeaderBytes = 32;
inline constexpr size_t kTrailerBytes = 64;
inline constexpr std::string_view kMagic = "RSTMSNAP";
inline constexpr std::string_view kBlockMagic = "RSBK";
inline constexpr std::string_view kTrailerMagic = "RSTMSEND";

struct Header {
  DatabaseId database{};
  engine::StateFacts facts{};
  engine::ChainHash chain{};
};

struct BlockHeader {
  uint64_t number = 0;
  uint32_t bytes = 0;
  uint32_t rows = 0;
  uint32_t rows_crc = 0;
};

struct Trailer {
  uint64_t blocks = 0;
  uint64_t rows = 0;
  uint64_t file_bytes = 0;
  Hash128 digest;
};

/// How a part read. kUnknown: the checksum is right, so another version of rstmdb wrote it.
enum class PartState { kValid, kDamaged, kUnknown };

/// Each writes the part's bytes to `to`; `seed` is the crc that the header's encode returned.
uint32_t encode(const Header& header, char* to);
void encode(const BlockHeader& header, uint32_t seed, char* to);
void encode(const Trailer& trailer, uint32_t seed, char* to);

/// Each reads the part from the first bytes of `from`, which must hold it.
PartState decode(std::string_view from, Header& header, uint32_t& crc);
PartState decode(std::string_view from, uint32_t seed, BlockHeader& header);
PartState decode(std::string_view from, uint32_t seed, Trailer& trailer);

/// Hash over pieces, in order.
class Digest {
 public:
  void add(std::string_view piece);
  const Hash128& value() const { return value_; }

 private:
  Hash128 value_;
};

/// "00000000000000000812.snap" for offset 812, and back; nothing when `name` is not of that form.
std::string snapshot_name(uint64_t offset);
std::optional<uint64_t> parse_snapshot_name(std::string_view name);

}  // namespace rstmdb::snapshot
