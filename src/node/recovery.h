// Recovery: folds what the log holds, with the same apply() as live traffic.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "engine/record.h"
#include "engine/state.h"
#include "io/clock.h"
#include "io/read_ahead.h"
#include "log/log.h"

namespace rstmdb::node {

struct ReplayProgress {
  uint64_t records_done = 0;   // folded by this start
  uint64_t records_total = 0;  // to be folded
  uint64_t bytes_done = 0;     // of these records
  int64_t elapsed_ms = 0;
};

struct ReplayOptions {
  io::Clock& clock;
  /// Where records are read, checked and decoded: the log's files are the other thread's until
  /// replay() returns.
  io::Ahead ahead = io::Ahead::kInline;
  /// Called about once a second and once at the end.
  std::function<void(const ReplayProgress&)> progress = {};
};

/// Folds every record of `log` behind `state`'s last one into it; `chain` is that one's link and
/// moves on to the last. Fails with kWalIoError on damage the log found, kInternalError on records
/// that cannot be read or do not follow each other (details code, offset).
Result<void> replay(log::Log& log, engine::State& state, engine::ChainHash& chain,
                    const ReplayOptions& options);

}  // namespace rstmdb::node
