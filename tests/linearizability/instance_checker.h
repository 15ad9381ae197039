// Is there, for each instance alone, an order of its operations that keeps real time and explains
// every answer? A search of the kind of Wing & Gong with Lowe's memory of what was tried: what
// clients saw decides, the log is not asked. A history is linearizable when that of each of its
// objects is, so instances are searched one by one (a batch or a list counts for each of them).
//
// A request without an answer may have taken effect at any time up to the server's death, or never.
#pragma once

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

struct SearchCounts {
  uint64_t instances = 0;
  uint64_t operations = 0;  // of all instances
  uint64_t steps = 0;
  uint64_t informed = 0;   // instances for which the log was asked what became of the unanswered
  uint64_t undecided = 0;  // of them, those whose search was given up all the same
};

/// Searches every instance of the history.
SearchCounts check_instances(const History& history, const Timeline& timeline, Findings& findings);

}  // namespace rstmdb::lin
