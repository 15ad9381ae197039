// The ways in which a snapshot's bytes can be refused. Each names the file and the byte.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rstmdb::snapshot {

inline constexpr std::string_view kSnapshotDamaged = "SNAPSHOT_DAMAGED";
inline constexpr std::string_view kSnapshotUnknownVersion = "SNAPSHOT_UNKNOWN_VERSION";

/// kWalIoError with details code=SNAPSHOT_DAMAGED, file, byte: not what was written.
inline Error snapshot_damaged(const std::string& file, uint64_t byte, std::string_view what) {
  std::string text = file + ", byte " + std::to_string(byte) + ": ";
  text.append(what);
  return Error(Code::kWalIoError, std::move(text))
      .with("code", kSnapshotDamaged)
      .with("file", file)
      .with("byte", static_cast<int64_t>(byte));
}

/// kWalIoError with details code=SNAPSHOT_UNKNOWN_VERSION, file, byte: intact, but of a later
/// format.
inline Error snapshot_unknown_version(const std::string& file, uint64_t byte) {
  return Error(Code::kWalIoError, file + ", byte " + std::to_string(byte) +
                                      ": a version of the snapshot format that this program lacks")
      .with("code", kSnapshotUnknownVersion)
      .with("file", file)
      .with("byte", static_cast<int64_t>(byte));
}

/// Whether this file is bad and an older one may be good, to which a start goes back. A disk that
/// cannot read a sector is as bad as a wrong byte; a process that is out of descriptors says
/// nothing about the file.
inline bool is_of_this_file(const Error& error) {
  if (error.detail("code") == kSnapshotDamaged) return true;
  return error.detail("call") == "read" && error.detail_number("errno", 0) == EIO;
}

}  // namespace rstmdb::snapshot
