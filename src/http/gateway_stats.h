// What the gateway has done since it opened: plain numbers, changed by events on the loop's thread
// and read there by whoever shows them.
#pragma once

#include <array>
#include <cstdint>

#include "api/operation_stats.h"

namespace rstmdb::http {

struct GatewayStats {
  static constexpr size_t kClasses = 6;  // by the status' first digit
  using Answers = std::array<uint64_t, kClasses>;

  uint64_t connections = 0;          // accepted, refused ones included
  uint64_t connections_refused = 0;  // one too many
  uint64_t connections_active = 0;   // served now
  uint64_t streams_active = 0;       // of those, with events going out
  api::OperationsStats operations = {};
  /// Answers by operation; the last row is for all that is none: pages, files, what cannot be read.
  std::array<Answers, api::kOperationCount + 1> answers = {};
};

}  // namespace rstmdb::http
