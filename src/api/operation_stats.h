// What a door counts of each operation: plain numbers, changed by events on the loop's thread and
// read there by whoever shows them.
#pragma once

#include <array>
#include <cstdint>

#include "api/operation.h"
#include "base/histogram.h"

namespace rstmdb::api {

struct OperationStats {
  uint64_t requests = 0;  // read; answered or not
  /// From the arrival of a request's last byte until its answer may leave: for what waits for the
  /// disk, that wait is part of it.
  Histogram duration_ns{kTimeBoundsNs};
};

/// The row for requests that name no operation or cannot be read.
inline constexpr size_t kUnknownOperation = kOperationCount;

using OperationsStats = std::array<OperationStats, kOperationCount + 1>;

}  // namespace rstmdb::api
