// A history as lines of JSON, one operation, record or stream a line: what a run leaves behind when
// it has found something, and what other checkers read. README.md has the members.
#pragma once

#include <istream>
#include <ostream>

#include "base/result.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

void write_history(const History& history, std::ostream& out);
/// Fails with kBadRequest (detail line) on what write_history has not written.
Result<History> read_history(std::istream& in);

}  // namespace rstmdb::lin
