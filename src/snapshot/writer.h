// Writes a snapshot file, block by block. What is behind finish() is on disk; the file has no name
// that a start would look at until Folder::publish gives it one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/state_walk.h"
#include "io/file_system.h"
#include "snapshot/format.h"

namespace rstmdb::snapshot {

/// Plain blocking calls; one thread at a time, any thread. After an error only the destructor.
class Writer {
 public:
  /// Begins the file `path`, which must not be there. Fails with kWalIoError like io::FileSystem.
  static Result<std::unique_ptr<Writer>> create(io::FileSystem& files, const std::string& path,
                                                const Header& header);

  /// Appends a block. Syncs every MiB, so that the disk never has much to do at once and a
  /// flush of the log behind it does not wait long.
  Result<void> write(const engine::RowBlock& block);

  /// Writes the trailer and makes everything durable.
  Result<void> finish();

  uint64_t bytes() const { return at_; }

 private:
  Writer(std::unique_ptr<io::File> file, uint32_t seed);
  Result<void> append(std::string_view bytes);

  std::unique_ptr<io::File> file_;
  const uint32_t seed_;
  uint64_t at_ = 0;
  uint64_t synced_to_ = 0;
  uint64_t blocks_ = 0;
  uint64_t rows_ = 0;
  Digest digest_;
};

}  // namespace rstmdb::snapshot
