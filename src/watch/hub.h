// Watching: who is told of which change, and when.
//
//   Sequencer ──folded──► index: does anybody want it? ──► pending ─┐
//   log ─────committed──────────────────────────────────────────────┴─► live subscriptions
//   log ◄────────────── catch-up reads ◄── subscriptions that are behind
//
// A change is pending from the fold until the log has committed it, so nothing is told that is not
// durable. The index is asked again on delivery: who has come or gone meanwhile is known then, and
// pending needs no list of receivers. A connection without room gets no buffer here; its
// subscriptions fall behind and are served from the log (catch_up.h). So a watcher that does not
// read costs nobody anything but its place. The same happens to those for whom a turn has no time
// left: what all watchers together may take of it is bounded (limits::kTurnToldBytesMax), and the
// next turn goes on with them.
//
// On the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/record.h"
#include "engine/state.h"
#include "io/random.h"
#include "log/log.h"
#include "watch/catch_up.h"
#include "watch/change_list.h"
#include "watch/filter.h"
#include "watch/index.h"
#include "watch/outlet.h"
#include "watch/round.h"
#include "watch/watcher.h"

namespace rstmdb::watch {

/// What a caller asks for.
struct Wish {
  Filter filter = {};
  bool include_ctx = true;
  bool names_kind = false;          // each notification says which kind it is
  std::optional<log::Offset> from;  // the first offset wanted; none: what comes from now on
  log::Offset answer_offset = 0;    // what the answer to the caller waits for
};

/// Counts since the start, and gauges (active, behind, largest_lag, pending_bytes, cursors).
struct Stats {
  uint64_t instance_active = 0;     // subscriptions of WATCH_INSTANCE
  uint64_t all_active = 0;          // subscriptions of WATCH_ALL
  uint64_t instance_delivered = 0;  // notifications
  uint64_t all_delivered = 0;
  uint64_t behind = 0;       // subscriptions served from the log
  uint64_t largest_lag = 0;  // committed records that the furthest behind has not seen
  uint64_t fell_behind = 0;  // how often a connection had no room
  uint64_t pending_bytes = 0;
  uint64_t cursors = 0;
  uint64_t candidates = 0;  // filters looked at, and keys, to find who wants a change
  uint64_t lookups = 0;
};

class Hub {
 public:
  struct Options {
    log::Log& log;
    const engine::State& state;
    io::Random& random;
  };
  explicit Hub(const Options& options);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Begins a subscription and returns its id. Its notifications begin after this turn's answers.
  /// kNotFound (details code=OFFSET_COMPACTED, oldest_offset) when the log no longer has `from`;
  /// kRateLimited (details code=TOO_MANY_SUBSCRIPTIONS, limit).
  Result<std::string> subscribe(Watcher& watcher, Wish wish);
  /// False when `watcher` has no subscription of this id.
  bool unsubscribe(Watcher& watcher, std::string_view id);
  /// Ends all of its subscriptions; nothing is delivered to it any more.
  void forget(Watcher& watcher);
  /// The connection has room again.
  void resume(Watcher& watcher);

  /// The records of a unit that has got its place in the log, in order, before they are folded.
  void folded(std::span<const engine::Record> unit) {
    if (!index_.empty()) keep(unit);
  }
  /// Everything up to `offset` is committed, and the answers that waited for it are on their way.
  void committed(log::Offset offset);
  /// The log has stopped: what is pending may never have happened.
  void failed();
  /// At the end of each turn; kMore when another should follow at once.
  CatchUp::Rest end_turn() { return catch_up_.run(); }

  /// The least offset that a subscription still has to read from the log; what lies before it may
  /// be trimmed. One behind the committed end when nobody is behind.
  log::Offset oldest_needed() const;
  /// Before a trim: closes what is kept open of the log in front of oldest_needed(), for whoever
  /// may come next to read there.
  void close_unneeded() { catch_up_.close_before(oldest_needed()); }
  /// Costs a walk over the subscriptions that are behind.
  Stats stats() const;

 private:
  void keep(std::span<const engine::Record> unit);
  void note_cut(size_t number);
  void gather(log::Offset offset);
  void offer(Subscription& subscription, const ChangeList::Held& held);
  Result<void> check_room(const Watcher& watcher, size_t bytes) const;
  std::string new_id();
  void erase(Subscription& subscription);

  log::Log& log_;
  const engine::State& state_;
  io::Random& random_;
  Index index_;
  Outlet outlet_;
  CatchUp catch_up_;
  ChangeList pending_;
  std::unordered_map<std::string, std::unique_ptr<Subscription>> subscriptions_;  // by id
  std::vector<Indexed*> found_;
  Round round_;
  size_t told_bytes_ = 0;  // in this call of committed(), with what has been granted
  uint64_t cut_unit_ = 0;  // the unit in whose middle the round ends; 0: it ends behind one
  size_t cut_bytes_ = 0;   // of that unit's changes that are left
  size_t bytes_ = 0;       // of all subscriptions
  uint64_t instance_active_ = 0;
  uint64_t fell_behind_ = 0;
};

}  // namespace rstmdb::watch
