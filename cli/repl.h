// Commands line by line: at a terminal with editing, history and completion; from a pipe or a file
// without.
#pragma once

#include "session.h"

namespace rstmdb::cli {

/// Runs lines until quit or the end of input. At a terminal the exit code is 0; from a pipe it is
/// that of the first command that failed, the others having been carried out all the same.
int run_repl(Session& session);

/// Whether standard input is a terminal.
bool at_terminal();

}  // namespace rstmdb::cli
