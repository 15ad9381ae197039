// Reads snapshot files, and believes nothing in them: each block against its checksum, the whole
// against digest and counts, the rows against the state hash. A byte that is not what was written
// is found and named, wherever it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/state.h"
#include "io/file_system.h"
#include "io/read_ahead.h"
#include "snapshot/format.h"

namespace rstmdb::snapshot {

/// Goes through a file from its first block to its last. Plain blocking calls; one thread at a
/// time, any thread.
///
/// Fails with kWalIoError: details code=SNAPSHOT_DAMAGED or SNAPSHOT_UNKNOWN_VERSION, file, byte;
/// or the failed call.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(io::FileSystem& files, const std::string& path);

  const Header& header() const { return header_; }
  uint64_t file_bytes() const { return size_; }
  const std::string& path() const { return file_->path(); }

  /// Rows of one block; `byte` is where they stand in the file.
  struct Block {
    std::string_view rows;
    uint32_t row_count = 0;
    uint64_t byte = 0;
  };
  /// The next block, valid until the next call; nullopt behind the last, once the trailer says that
  /// this was all.
  Result<std::optional<Block>> next();

 private:
  Reader(std::unique_ptr<io::File> file, uint64_t size);
  Result<void> read_header();
  Result<std::string_view> fetch(size_t size);
  Result<void> check_trailer(std::string_view bytes);
  Error damaged(std::string_view what) const;

  std::unique_ptr<io::File> file_;
  const uint64_t size_;
  Header header_;
  uint32_t seed_ = 0;
  uint64_t at_ = 0;
  uint64_t blocks_ = 0;
  uint64_t rows_ = 0;
  Digest digest_;
  std::string buffer_;
};

struct ReadProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  uint64_t rows_done = 0;
};
/// Called after each block.
using OnProgress = std::function<void(const ReadProgress&)>;

/// What a whole and right snapshot says of itself.
struct Verified {
  Header header;
  uint64_t file_bytes = 0;
  uint64_t rows = 0;
};

/// Checks a file a block at a time, without building a state: every checksum, count, digest, and
/// the rows' hashes against the state hash. Fails like Reader.
class Verifier {
 public:
  static Result<std::unique_ptr<Verifier>> open(io::FileSystem& files, const std::string& path);
  enum class State { kMore, kRight };
  /// Checks the next block; kRight behind the last.
  Result<State> step();
  Verified verified() const;
  const ReadProgress& progress() const { return progress_; }

 private:
  explicit Verifier(std::unique_ptr<Reader> reader);
  Result<State> finish() const;

  std::unique_ptr<Reader> reader_;
  ReadProgress progress_;
  uint64_t definitions_ = 0;
  uint64_t instances_ = 0;
  uint64_t keys_ = 0;
  Hash128 sum_;
};

/// A Verifier from the first block to the last.
Result<Verified> verify(io::FileSystem& files, const std::string& path, const OnProgress& progress);

struct Loaded {
  engine::State state;
  Header header;
  uint64_t file_bytes = 0;
};

struct LoadOptions {
  engine::State::Options state;
  /// Where the file is read, checked and decoded.
  io::Ahead ahead = io::Ahead::kInline;
  OnProgress progress = {};
};

/// Builds the state that the file holds, checked no less than by verify(). Fails like Reader.
Result<Loaded> load(io::FileSystem& files, const std::string& path, const LoadOptions& options);

}  // namespace rstmdb::snapshot
