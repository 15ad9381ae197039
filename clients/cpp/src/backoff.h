// How long to wait before connecting again.
#pragma once

#include <chrono>

#include "rstmdb/options.h"

namespace rstmdb::client {

/// The wait before the attempt that follows `failures` failed ones (1 or more); `random` is in
/// [0, 1) and takes away up to jitter of it, so that clients which lost one server together do not
/// come back together.
std::chrono::milliseconds backoff_delay(const ReconnectOptions& options, unsigned failures,
                                        double random);

}  // namespace rstmdb::client
