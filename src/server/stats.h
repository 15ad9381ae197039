// What the RCP door has done since it opened: plain numbers, changed by events on the loop's thread
// and read there by whoever shows them.
#pragma once

#include <array>
#include <cstdint>

#include "api/operation.h"
#include "base/error.h"
#include "base/histogram.h"

namespace rstmdb::server {

struct OperationStats {
  uint64_t requests = 0;  // read; answered or not
  /// From the arrival of a request's last byte until its answer may leave: for what waits for the
  /// disk, that wait is part of it.
  Histogram duration_ns{kTimeBoundsNs};
};

struct Stats {
  /// The row for requests that name no operation or cannot be read.
  static constexpr size_t kUnknownOperation = api::kOperationCount;

  uint64_t connections = 0;          // accepted, refused ones included
  uint64_t connections_refused = 0;  // one too many
  uint64_t connections_active = 0;   // served now
  std::array<OperationStats, api::kOperationCount + 1> operations = {};
  std::array<uint64_t, kCodeCount> errors = {};  // answers that are errors, by their code
};

}  // namespace rstmdb::server
