// Recovery: folds what the log holds, with the same apply() as live traffic.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "engine/record.h"
#include "engine/state.h"
#include "io/clock.h"
#include "log/log.h"

namespace rstmdb::node {

struct ReplayProgress {
  uint64_t records_done = 0;
  uint64_t records_total = 0;
  int64_t elapsed_ms = 0;
};

/// Folds every record of `log` into `state` (which is empty) and returns the chain's end.
/// `progress` is called about once a second and once at the end. Fails with kWalIoError on damage
/// the log found, kInternalError on records that cannot be read or do not follow each other
/// (details code, offset).
Result<engine::ChainHash> replay(log::Log& log, engine::State& state, io::Clock& clock,
                                 const std::function<void(const ReplayProgress&)>& progress);

}  // namespace rstmdb::node
