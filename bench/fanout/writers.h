// Those who write while others watch: APPLY_EVENT over a few connections, no more often than a
// rate, and with a bounded number under way.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bench/latencies.h"
#include "load/connection.h"
#include "load/rcp.h"

namespace rstmdb::bench {

class Writers {
 public:
  struct Options {
    Address address;
    uint32_t connections = 8;
    uint32_t pipelined = 128;  // under way at most, on each connection
    double per_second = 0;     // 0: as fast as the answers come
    uint32_t instances = 100'000;
  };
  static Result<Writers> open(const Options& options);

  size_t count() const { return lanes_.size(); }
  int descriptor(size_t lane) const { return lanes_[lane].connection.descriptor(); }

  /// Asks what is due by `now_ns`; on each connection what is waiting is sent.
  Result<void> write(int64_t now_ns);
  /// Takes the answers that have come on one connection.
  Result<void> receive(size_t lane);
  /// No more requests.
  void stop() { stopped_ = true; }

  uint64_t asked() const { return asked_; }
  uint64_t answered() const { return answered_; }
  Latencies& latencies() { return latencies_; }

 private:
  struct Lane {
    Connection connection;
    std::vector<int64_t> started_ns;  // by id
    std::vector<uint32_t> free_ids;
  };
  explicit Writers(const Options& options) : options_(options), rcp_(kContextBytesMin) {}
  bool ask(Lane& lane, int64_t now_ns);

  Options options_;
  Rcp rcp_;
  std::vector<Lane> lanes_;
  size_t turn_ = 0;  // whose turn it is to ask
  int64_t begun_ns_ = 0;
  bool stopped_ = false;
  uint64_t chance_ = 0x9e3779b97f4a7c15;
  uint64_t asked_ = 0;
  uint64_t answered_ = 0;
  Latencies latencies_;
};

}  // namespace rstmdb::bench
