// Handshakes, one step at a time, away from the loop: their signatures cost a hundred times what a
// request costs, and a crowd of new clients must not hold up those who are in.
//
// On the loop's thread; only the steps run on the worker. Everybody's first step waits in the order
// of asking. A few are handed over at a time, because a worker's queue is short.
#pragma once

#include <deque>
#include <memory>

#include "io/executor.h"

namespace rstmdb::io {

class TlsHandshakes {
 public:
  /// What a step is done for. Destroyed on whichever thread lets go of it last.
  class Party {
   public:
    virtual ~Party() = default;
    virtual bool still_wanted() const = 0;  // asked on the loop before the step
    virtual void step() = 0;                // on the worker
    virtual void stepped() = 0;             // on the loop
  };

  /// `worker` outlives every step: it belongs to the program, not to a connection.
  explicit TlsHandshakes(Worker& worker) : worker_(worker) {}
  /// `self` is this object: what is under way when the last connection goes keeps it alive.
  static void ask(const std::shared_ptr<TlsHandshakes>& self, std::shared_ptr<Party> party);

 private:
  static constexpr size_t kUnderWayMax = 4;
  static void begin(const std::shared_ptr<TlsHandshakes>& self);

  Worker& worker_;
  std::deque<std::shared_ptr<Party>> waiting_;  // shared with the connection's owner
  size_t under_way_ = 0;
};

}  // namespace rstmdb::io
