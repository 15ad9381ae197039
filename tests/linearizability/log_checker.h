// Holds every answer against the log: the log's order is the one order that all clients must be
// able to see, over all instances. Each operation gets the least position that its answer allows
// and real time leaves (placement.h); when that exists for every one of them, the positions are a
// linearization. And what was acknowledged, refused, batched or sent twice is, is not, is whole, is
// once in the log.
#pragma once

#include "linearizability/findings.h"
#include "linearizability/history.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

void check_against_log(const History& history, const Timeline& timeline, Findings& findings);

}  // namespace rstmdb::lin
