// What the RCP door has done since it opened: plain numbers, changed by events on the loop's thread
// and read there by whoever shows them.
#pragma once

#include <array>
#include <cstdint>

#include "api/operation_stats.h"
#include "base/error.h"

namespace rstmdb::server {

struct Stats {
  uint64_t connections = 0;          // accepted, refused ones included
  uint64_t connections_refused = 0;  // one too many
  uint64_t connections_active = 0;   // served now
  api::OperationsStats operations = {};
  std::array<uint64_t, kCodeCount> errors = {};  // answers that are errors, by their code
};

}  // namespace rstmdb::server
