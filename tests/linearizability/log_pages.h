// The server's log by WAL_READ, as records of a history.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "crash/connection.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

/// Asks and waits for the answer, which is valid during the call of `take`.
Result<void> exchange(crash::Connection& connection, std::string_view op, std::string_view params,
                      const std::function<void(json::Value response)>& take);

/// Reads what is in the log behind the history's last record. Fails when the log no longer has
/// that.
Result<void> read_log(uint16_t port, History& history);

}  // namespace rstmdb::lin
