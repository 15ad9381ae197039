// Measures one connection's requests, from the arrival of their bytes until their answers may
// leave. On the loop's thread. Costs two readings of the clock for all that arrives together, and
// one more for all that one commit sets free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "api/operation_stats.h"

namespace rstmdb::api {

class RequestTimes {
 public:
  explicit RequestTimes(OperationsStats& stats) : stats_(stats) {}

  /// What is asked from now on has arrived at `now_ns`.
  void arrived(int64_t now_ns) { arrived_ns_ = now_ns; }

  /// A request has been answered; the answer leaves once `depends_on` is committed.
  void answered(size_t operation, uint64_t depends_on, uint64_t committed);

  /// All answers that wait for nothing leave at `now_ns`.
  void sent(int64_t now_ns);
  bool anything_to_send() const { return !leaving_.empty(); }

  /// Everything up to `committed` is safe since `now_ns`.
  void released(uint64_t committed, int64_t now_ns);
  /// All that waited are answered otherwise at `now_ns`.
  void withdrawn(int64_t now_ns);

 private:
  struct Waiting {
    uint64_t depends_on;  // never falls along the queue, as in the outbox
    int64_t arrived_ns;
    size_t operation;
  };
  void observe(size_t operation, int64_t took_ns, uint64_t times) {
    stats_[operation].duration_ns.observe(took_ns, times);
  }

  OperationsStats& stats_;
  int64_t arrived_ns_ = 0;
  std::vector<uint8_t> leaving_;  // operations answered at once, of those that arrived last
  std::vector<Waiting> waiting_;
  size_t first_ = 0;  // of waiting_, the first that still waits
};

}  // namespace rstmdb::api
