// Holds what watchers were told against the log: each stream is the filtered log from where it
// began, each change once, in order, and never before it happened.
#pragma once

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

void check_streams(const History& history, const Timeline& timeline, Findings& findings);

}  // namespace rstmdb::lin
