// Holds what GET_HISTORY has answered against the log: each page is a piece of the instance's
// records, newest first, the next one goes on where it ended, and it ends where it says that it
// does. How new the first page is, log_checker.h looks at.
#pragma once

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

void check_histories(const History& history, const Timeline& timeline, Findings& findings);

}  // namespace rstmdb::lin
