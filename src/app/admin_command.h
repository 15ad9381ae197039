// The commands of the server program that work on a data folder instead of serving it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rstmdb::app {

struct AdminCommand {
  enum class What { kCheck, kBackup, kRestore, kVerify, kExport, kImport };
  What what = What::kCheck;
  std::string from;
  std::string to;              // "" or "-": standard output, for an export
  std::optional<uint64_t> at;  // check: where to take the state
  bool json = false;           // the report is for a program
  bool quiet = false;          // no progress
};

/// Runs the command on the system's files. The report goes to standard output, progress and errors
/// to standard error. Returns the exit code: 0 good, 1 failed or damaged.
int run_admin(const AdminCommand& command);

}  // namespace rstmdb::app
