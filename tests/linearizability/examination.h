// All checkers over one history.
#pragma once

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/instance_checker.h"

namespace rstmdb::lin {

struct Examined {
  Findings findings;
  SearchCounts search;
};

Examined examine(const History& history);

}  // namespace rstmdb::lin
