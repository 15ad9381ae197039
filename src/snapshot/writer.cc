#include "snapshot/writer.h"

#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace rstmdb::snapshot {
namespace {
constexpr uint64_t kSyncEveryBytes = 1024 * 1024;
}

Writer::Writer(std::unique_ptr<io::File> file, uint32_t seed)
    : file_(std::move(file)), seed_(seed) {}

Result<std::unique_ptr<Writer>> Writer::create(io::FileSystem& files, const std::string& path,
                                               const Header& header) {
  RSTMDB_ASSIGN(std::unique_ptr<io::File> file, files.open(path, io::FileSystem::Open::kCreateNew));
  char bytes[kHeaderBytes];
  const uint32_t seed = encode(header, bytes);
  std::unique_ptr<Writer> writer(new Writer(std::move(file), seed));
  RSTMDB_TRY(writer->append({bytes, sizeof bytes}));
  return writer;
}

Result<void> Writer::write(const engine::RowBlock& block) {
  RSTMDB_CHECK(block.bytes.size() <= limits::kSnapshotBlockBytesMax,
               std::to_string(block.bytes.size()));
  char header[kBlockHeaderBytes];
  encode(BlockHeader{.number = ++blocks_,
                     .bytes = static_cast<uint32_t>(block.bytes.size()),
                     .rows = block.rows,
                     .rows_crc = crc32c(block.bytes)},
         seed_, header);
  rows_ += block.rows;
  RSTMDB_TRY(append({header, sizeof header}));
  RSTMDB_TRY(append(block.bytes));
  if (at_ - synced_to_ < kSyncEveryBytes) return {};
  synced_to_ = at_;
  return file_->sync();
}

Result<void> Writer::finish() {
  char trailer[kTrailerBytes];
  encode(Trailer{.blocks = blocks_,
                 .rows = rows_,
                 .file_bytes = at_ + kTrailerBytes,
                 .digest = digest_.value()},
         seed_, trailer);
  RSTMDB_TRY(append({trailer, sizeof trailer}));
  RSTMDB_TRY(file_->sync());
  // Who reads it next, to check it, shall see what the disk has.
  file_->forget_cached();
  return file_->close();
}

Result<void> Writer::append(std::string_view bytes) {
  RSTMDB_TRY(file_->write_at(at_, bytes));
  at_ += bytes.size();
  digest_.add(bytes);
  return {};
}

}  // namespace rstmdb::snapshot
