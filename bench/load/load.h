// A closed-loop load: every connection keeps the same number of requests under way and sends the
// next one as soon as an answer is there. One thread, one epoll.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "bench/latencies.h"
#include "load/connection.h"
#include "load/requests.h"

namespace rstmdb::bench {

struct Plan {
  Address address;
  Operation operation = Operation::kApplyEvent;
  uint32_t connections = 1;
  uint32_t pipelined = 1;  // requests under way per connection
  uint32_t instances = 1;
  int64_t warmup_ms = 1'000;
  int64_t measured_ms = 5'000;
  int server_pid = 0;  // 0: its CPU time is not measured
};

struct Measured {
  uint64_t requests = 0;
  double seconds = 0;
  double server_cpu_seconds = 0;
  double own_cpu_seconds = 0;
  Latencies latencies;  // from just before the send to just after the receive
};

/// Runs the load; the first answer that is no success ends it with an error.
Result<void> run_load(const Plan& plan, Measured& measured);

}  // namespace rstmdb::bench
