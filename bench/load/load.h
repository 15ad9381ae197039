// The load: one thread, one epoll, many connections.
//
//   closed loop (rate 0)  every connection keeps the same number of requests under way and sends
//   the
//                         next one as soon as an answer is there; a latency runs from just before
//                         the send to just after the receive
//   open loop             requests are due at a fixed rate; one that finds no connection free waits
//                         for it, and its latency runs from when it was due
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "bench/latencies.h"
#include "load/protocol.h"

namespace rstmdb::bench {

inline constexpr size_t kOperations = 4;

struct Plan {
  Address address = {};
  std::array<uint32_t, kOperations> percent = {100, 0, 0, 0};  // by Operation; together 100
  uint32_t connections = 1;
  uint32_t pipelined = 1;  // requests under way per connection, at most kSlotsMax
  /// Closed loop: requests that are sent and answered as one group, such as one transaction. Then
  /// each connection keeps to instances of its own, so that no two groups wait for each other.
  uint32_t group = 1;
  uint32_t instances = 1;
  double rate = 0;  // requests a second; 0: closed loop
  int64_t warmup_ms = 1'000;
  int64_t measured_ms = 5'000;
  const std::atomic<uint64_t>* counter = nullptr;  // read at both ends of the measured time
  int server_pid = 0;                              // 0: its CPU time is not measured
};

struct Measured {
  uint64_t requests = 0;
  double seconds = 0;
  double server_cpu_seconds = 0;  // of the process and its children
  double own_cpu_seconds = 0;
  uint64_t counted = 0;  // how much the plan's counter grew
  /// Open loop: requests that were due but not yet sent when the time was over. They were sent and
  /// waited for, and their latencies count.
  uint64_t late = 0;
  Latencies latencies;
};

/// Runs the load; the first answer that is no success ends it with an error.
Result<void> run_load(const Plan& plan, Protocol& protocol, Measured& measured);

}  // namespace rstmdb::bench
