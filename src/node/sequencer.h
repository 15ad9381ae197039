// The sequencer: the one place where writes get their order.
//
//   begin ──► decide, decide, … ──► commit:  encode ─► append to the log ─► show to the hub ─► fold
//
// A Write is one unit: everything decided in it takes effect together or not at all. On the loop's
// thread, and one at a time: the order of commit() calls is the order of history. What has been
// committed here is visible to the next decision at once; the release gate keeps it from everybody
// else until it is durable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/decide.h"
#include "engine/state.h"
#include "io/clock.h"
#include "io/random.h"
#include "log/log.h"
#include "node/memory_bound.h"
#include "watch/hub.h"

namespace rstmdb::node {

/// Who asks, as it will stand in the records.
struct Origin {
  std::string_view actor;     // authenticated principal, or ""
  std::string_view trace_id;  // or ""
};

class Sequencer {
 public:
  struct Options {
    log::Log& log;
    engine::State& state;
    watch::Hub& hub;
    io::Clock& clock;
    io::Random& random;
    engine::Bounds bounds;
    MemoryBound& memory;
    engine::ChainHash chain;  // of the last record folded
  };
  explicit Sequencer(const Options& options);

  class Write {
   public:
    /// Decides one more command against the state and what this write already holds.
    template <class Command>
    auto decide(const Command& command) {
      return engine::Decider{sequencer_.bounds_, stamp_, sequencer_.draft_}.decide(command);
    }
    bool empty() const { return sequencer_.draft_.empty(); }
    /// An id that nobody has, for an instance whose creator gave none or a snapshot; lives until
    /// the next begin().
    std::string_view new_id();
    /// Gives the decided records their place in the log and folds them. Returns the offset of the
    /// last record (0 when nothing was decided). On failure nothing has happened: kRateLimited or
    /// kWalIoError.
    Result<uint64_t> commit();

   private:
    friend class Sequencer;
    Write(Sequencer& sequencer, engine::Stamp stamp) : sequencer_(sequencer), stamp_(stamp) {}
    Sequencer& sequencer_;
    engine::Stamp stamp_;
  };

  /// Starts a write; one that was begun and not committed is forgotten. Atomic batches number their
  /// records.
  Write begin(const Origin& origin);

  /// Link of the last record folded.
  engine::ChainHash chain() const { return chain_; }
  /// Bytes of records given to the log so far.
  uint64_t bytes_appended() const { return bytes_appended_; }

 private:
  Result<uint64_t> commit();

  log::Log& log_;
  engine::State& state_;
  watch::Hub& hub_;
  io::Clock& clock_;
  io::Random& random_;
  const engine::Bounds bounds_;
  MemoryBound& memory_;
  engine::ChainHash chain_;
  engine::Draft draft_;
  std::string unit_;
  uint64_t bytes_appended_ = 0;
};

}  // namespace rstmdb::node
