// From a file to a state. Reading, checking, decoding and hashing need nothing of the state, so
// they can go on beside its building.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/rows.h"
#include "engine/state_loader.h"
#include "snapshot/damage.h"
#include "snapshot/reader.h"

namespace rstmdb::snapshot {
namespace {

constexpr size_t kBlocksAhead = 4;
/// Rows whose places in the index are brought into the cache together.
constexpr size_t kLookAhead = 16;

/// A block with its rows, which are views into it.
struct DecodedBlock {
  std::string bytes;
  std::vector<engine::HashedRow> rows;
  uint32_t row_count = 0;  // announced
  uint64_t byte = 0;
  std::optional<Error> error;  // what comes instead of another block, or behind the rows
};

Error in_block(const Reader& reader, const DecodedBlock& block, const Error& error) {
  const int64_t byte = error.detail_number("byte", 0);
  return snapshot_damaged(reader.path(), block.byte + static_cast<uint64_t>(byte), error.message());
}

/// False behind the last block.
Result<bool> decode(Reader& reader, DecodedBlock& into) {
  RSTMDB_ASSIGN(const auto block, reader.next());
  if (!block) return false;
  into.bytes = block->rows;
  into.row_count = block->row_count;
  into.byte = block->byte;
  engine::RowReader rows(into.bytes);
  while (!rows.at_end()) {
    auto row = rows.next();
    if (!row.ok()) {
      into.error = in_block(reader, into, row.error());
      return true;
    }
    into.rows.emplace_back(std::move(*row));
  }
  if (into.rows.size() != into.row_count)
    into.error = snapshot_damaged(reader.path(), into.byte, "a block has another number of rows");
  return true;
}

/// Nothing comes behind an error.
class Blocks {
 public:
  explicit Blocks(Reader& reader) : reader_(reader) {}
  bool fill(DecodedBlock& block) {
    block.rows.clear();
    block.error.reset();
    if (ended_) return false;
    auto another = decode(reader_, block);
    if (!another.ok()) block.error = std::move(another).error();
    ended_ = block.error.has_value();
    return ended_ || *another;
  }

 private:
  Reader& reader_;
  bool ended_ = false;
};

Result<void> add(const Reader& reader, const DecodedBlock& block, engine::StateLoader& loader) {
  for (size_t i = 0; i < block.rows.size(); ++i) {
    if (i % kLookAhead == 0)
      loader.prefetch(
          std::span(block.rows).subspan(i).first(std::min(kLookAhead, block.rows.size() - i)));
    const auto taken = loader.add(block.rows[i]);
    if (!taken.ok()) return in_block(reader, block, taken.error());
  }
  return {};
}

/// The walk over what was built, which reads only, is shared with another thread.
Result<engine::State> finish(engine::StateLoader& loader, io::Ahead how) {
  // Entering all instances in their sets costs as much as walking over a third of them.
  const engine::Slot shared = loader.slots() / 3 * 2;
  bool walked = false;
  io::ReadAhead<Hash128> beside(how, 2, [&](Hash128& sum) {
    if (std::exchange(walked, true)) return false;
    sum = loader.walk(0, shared);
    return true;
  });
  RSTMDB_TRY(loader.enter_all());
  Hash128 sum = loader.walk(shared, loader.slots());
  sum += *beside.next();
  return loader.finish(sum);
}

}  // namespace

Result<Loaded> load(io::FileSystem& files, const std::string& path, const LoadOptions& options) {
  RSTMDB_ASSIGN(const std::unique_ptr<Reader> reader, Reader::open(files, path));
  const engine::StateFacts& facts = reader->header().facts;
  engine::StateLoader loader(options.state, facts);
  loader.make_room(facts.instances);  // no more than the file can hold, which the reader sees to
  ReadProgress now{.bytes_total = reader->file_bytes()};
  {
    Blocks blocks(*reader);
    io::ReadAhead<DecodedBlock> ahead(
        options.ahead, kBlocksAhead, [&blocks](DecodedBlock& block) { return blocks.fill(block); });
    while (const DecodedBlock* block = ahead.next()) {
      RSTMDB_TRY(add(*reader, *block, loader));
      if (block->error) return *block->error;
      now.rows_done += block->row_count;
      now.bytes_done = block->byte + block->bytes.size();
      if (options.progress) options.progress(now);
    }
  }
  auto state = finish(loader, options.ahead);
  if (!state.ok()) return snapshot_damaged(path, 56, state.error().message());
  return Loaded{
      .state = std::move(*state), .header = reader->header(), .file_bytes = reader->file_bytes()};
}

}  // namespace rstmdb::snapshot
