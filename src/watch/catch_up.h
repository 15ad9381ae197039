// Subscriptions that are behind: served from the log, each at its own place, until they have caught
// up and are live again.
//
//                 begin                    room, its turn
//   live ──no room──► stalled ──resume──► queued ──► reads units ──► … ──no room──► stalled
//     ▲                                     ▲            │ nothing more is committed
//     │            has met `armed_from`     │            ▼
//     └─────────────────────────────────────┼──── enters the index (armed) ──else──► waits
//                                           └──────────────── commit ────────────────┘
//
// How it goes from the log to memory without a gap and without a repeat: when it has read all that
// is committed it enters the index, so that everything folded from then on (`armed_from`) is kept
// pending for it. What was folded before and is not committed yet still comes out of the log; once
// it has read up to `armed_from`, it is live. While it is stalled or far behind it is not in the
// index, so it costs the writers nothing.
//
// They read in stretches, which are kept for the others (stretches.h), and take turns after each.
// A turn of the loop reads at most limits::kCatchUpTurnBytesMax of the log, or twice as many
// records as it has committed, and tells at most limits::kTurnToldBytesMax, for all of them
// together; in both cases a stretch more at most. Everything runs on the loop's thread.
#pragma once

#include <list>
#include <memory>

#include "engine/state.h"
#include "log/log.h"
#include "watch/outlet.h"
#include "watch/stretches.h"
#include "watch/subscription.h"

namespace rstmdb::watch {

class CatchUp {
 public:
  struct Options {
    log::Log& log;
    const engine::State& state;
    Index& index;
    Outlet& outlet;
  };
  explicit CatchUp(const Options& options)
      : options_(options),
        stretches_({.log = options.log, .state = options.state}),
        committed_last_turn_(options.log.committed()) {}

  /// Takes a new subscription that is in no index, with the log open at its next_offset. Until it
  /// reads, the cursor keeps what it has ahead from being trimmed away.
  void begin(Subscription& subscription, std::unique_ptr<log::Cursor> cursor);
  /// Takes a live one, out of the index, whose connection has no room.
  void begin_stalled(Subscription& subscription);
  /// Takes a live one, out of the index, for which this turn has no time.
  void begin_queued(Subscription& subscription);
  /// Its connection has room again. Nothing to do unless it is stalled.
  void resume(Subscription& subscription);
  /// The subscription ends. Only for those that are behind.
  void forget(Subscription& subscription);
  /// The log has committed more.
  void committed();

  /// A turn's share of reading and delivering; kMore when another turn should follow at once.
  enum class Rest { kNone, kMore };
  Rest run();

  size_t count() const { return queued_.size() + waiting_.size() + stalled_.size(); }
  size_t cursors() const { return open_.size() + stretches_.cursors(); }
  /// The least next_offset of all, or `otherwise` when nobody is behind.
  log::Offset oldest_needed(log::Offset otherwise) const;
  /// See Stretches.
  void close_before(log::Offset offset) { stretches_.close_before(offset); }

 private:
  using List = std::list<Subscription*>;
  List& list_of(Subscription::Mode mode);
  void move_to(Subscription& subscription, Subscription::Mode mode);
  void enlist(Subscription& subscription, Subscription::Mode mode);
  size_t advance(Subscription& subscription);
  void stall(Subscription& subscription);
  void meet_head(Subscription& subscription);
  void lose(Subscription& subscription, const Error& error);
  void hold_cursor(Subscription& subscription, std::unique_ptr<log::Cursor> cursor);
  std::unique_ptr<log::Cursor> give_cursor(Subscription& subscription);
  size_t pass_on(Subscription& subscription, const Stretch& stretch);

  const Options options_;
  List queued_;
  List waiting_;
  List stalled_;
  List open_;  // those that hold a cursor, the oldest at the front
  Stretches stretches_;
  log::Offset committed_last_turn_;
};

}  // namespace rstmdb::watch
