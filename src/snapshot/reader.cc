#include "snapshot/reader.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/limits.h"
#include "engine/rows.h"
#include "engine/state_loader.h"
#include "snapshot/damage.h"

namespace rstmdb::snapshot {
namespace {

/// No row is shorter; keeps an impossible count from being believed.
constexpr uint64_t kRowBytesMin = 8;

/// Has `take` look at every row of the block. Its errors are given the row's place.
template <class Take>
Result<void> each_row(const Reader& reader, const Reader::Block& block, Take take) {
  engine::RowReader rows(block.rows);
  uint32_t count = 0;
  for (; !rows.at_end(); ++count) {
    auto row = rows.next();
    Result<void> taken = row.ok() ? take(*row) : Result<void>(std::move(row).error());
    if (taken.ok()) continue;
    const int64_t in_block = taken.error().detail_number("byte", 0);
    return snapshot_damaged(reader.path(), block.byte + static_cast<uint64_t>(in_block),
                            taken.error().message());
  }
  if (count == block.row_count) return {};
  return snapshot_damaged(reader.path(), block.byte, "a block has another number of rows");
}

void note(ReadProgress& progress, const Reader::Block& block) {
  progress.rows_done += block.row_count;
  progress.bytes_done = block.byte + block.rows.size();
}

}  // namespace

Reader::Reader(std::unique_ptr<io::File> file, uint64_t size)
    : file_(std::move(file)), size_(size) {}

Result<std::unique_ptr<Reader>> Reader::open(io::FileSystem& files, const std::string& path) {
  RSTMDB_ASSIGN(std::unique_ptr<io::File> file, files.open(path, io::FileSystem::Open::kRead));
  RSTMDB_ASSIGN(const uint64_t size, file->size());
  std::unique_ptr<Reader> reader(new Reader(std::move(file), size));
  RSTMDB_TRY(reader->read_header());
  return reader;
}

Result<void> Reader::read_header() {
  RSTMDB_ASSIGN(const std::string_view bytes, fetch(kHeaderBytes));
  switch (decode(bytes, header_, seed_)) {
    case PartState::kValid:
      break;
    case PartState::kDamaged:
      return damaged("the header is not one, or its checksum is wrong");
    case PartState::kUnknown:
      return snapshot_unknown_version(path(), 0);
  }
  const engine::StateFacts& facts = header_.facts;
  const uint64_t rows_max = size_ / kRowBytesMin;
  if (facts.last_offset > limits::kOffsetMax || facts.definitions > rows_max ||
      facts.instances > rows_max || facts.keys > rows_max)
    return damaged("the header announces more than the file can hold");
  digest_.add(bytes);
  at_ = kHeaderBytes;
  return {};
}

Result<std::optional<Reader::Block>> Reader::next() {
  if (size_ - at_ <= kTrailerBytes) {
    RSTMDB_ASSIGN(const std::string_view bytes, fetch(kTrailerBytes));
    RSTMDB_TRY(check_trailer(bytes));
    return std::optional<Block>();
  }
  RSTMDB_ASSIGN(std::string_view bytes, fetch(kBlockHeaderBytes));
  BlockHeader header;
  switch (decode(bytes, seed_, header)) {
    case PartState::kValid:
      break;
    case PartState::kDamaged:
      return damaged("no block header, or its checksum is wrong");
    case PartState::kUnknown:
      return snapshot_unknown_version(path(), at_);
  }
  if (header.number != blocks_ + 1 || header.bytes > limits::kSnapshotBlockBytesMax)
    return damaged("a block is not the one that follows");
  digest_.add(bytes);
  at_ += kBlockHeaderBytes;
  RSTMDB_ASSIGN(bytes, fetch(header.bytes));
  if (crc32c(bytes) != header.rows_crc) return damaged("a block's checksum is wrong");
  digest_.add(bytes);
  const uint64_t begin = at_;
  at_ += header.bytes;
  ++blocks_;
  rows_ += header.rows;
  return std::optional<Block>({.rows = bytes, .row_count = header.rows, .byte = begin});
}

Result<void> Reader::check_trailer(std::string_view bytes) {
  Trailer trailer;
  switch (decode(bytes, seed_, trailer)) {
    case PartState::kValid:
      break;
    case PartState::kDamaged:
      return damaged("the trailer is not one, or its checksum is wrong");
    case PartState::kUnknown:
      return snapshot_unknown_version(path(), at_);
  }
  if (trailer.file_bytes != size_ || trailer.blocks != blocks_ || trailer.rows != rows_)
    return damaged("the trailer counts something else");
  if (trailer.digest != digest_.value()) return damaged("the digest is wrong");
  return {};
}

Result<std::string_view> Reader::fetch(size_t size) {
  if (buffer_.size() < size) buffer_.resize(std::max(size, limits::kSnapshotBlockBytes));
  if (size > size_ - at_) return damaged("the file ends too early");
  RSTMDB_ASSIGN(const size_t got, file_->read_at(at_, {buffer_.data(), size}));
  if (got < size) return damaged("the file ends too early");
  return std::string_view(buffer_.data(), size);
}

Error Reader::damaged(std::string_view what) const { return snapshot_damaged(path(), at_, what); }

Verifier::Verifier(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {
  const engine::StateFacts& facts = reader_->header().facts;
  sum_ = engine::position_hash(facts.last_offset, facts.last_ts);
  progress_.bytes_total = reader_->file_bytes();
}

Result<std::unique_ptr<Verifier>> Verifier::open(io::FileSystem& files, const std::string& path) {
  RSTMDB_ASSIGN(std::unique_ptr<Reader> reader, Reader::open(files, path));
  return std::unique_ptr<Verifier>(new Verifier(std::move(reader)));
}

Result<Verifier::State> Verifier::step() {
  RSTMDB_ASSIGN(const auto block, reader_->next());
  if (!block) return finish();
  RSTMDB_TRY(each_row(*reader_, *block, [this](const engine::Row& row) -> Result<void> {
    sum_ += std::visit([](const auto& part) { return part.hash(); }, row);
    if (std::holds_alternative<engine::InstanceRow>(row)) {
      ++instances_;
    } else {
      ++(std::holds_alternative<engine::KeyRow>(row) ? keys_ : definitions_);
    }
    return {};
  }));
  note(progress_, *block);
  return State::kMore;
}

Result<Verifier::State> Verifier::finish() const {
  const engine::StateFacts& facts = reader_->header().facts;
  if (definitions_ != facts.definitions || instances_ != facts.instances || keys_ != facts.keys)
    return snapshot_damaged(reader_->path(), 56, "the header counts other rows than there are");
  if (sum_ != facts.hash)
    return snapshot_damaged(reader_->path(), 80, "the rows are not the state");
  return State::kRight;
}

Verified Verifier::verified() const {
  return {.header = reader_->header(),
          .file_bytes = reader_->file_bytes(),
          .rows = progress_.rows_done};
}

Result<Verified> verify(io::FileSystem& files, const std::string& path,
                        const OnProgress& progress) {
  RSTMDB_ASSIGN(const std::unique_ptr<Verifier> verifier, Verifier::open(files, path));
  while (true) {
    RSTMDB_ASSIGN(const Verifier::State state, verifier->step());
    if (state == Verifier::State::kRight) return verifier->verified();
    if (progress) progress(verifier->progress());
  }
}

}  // namespace rstmdb::snapshot
