// Histories of instances, read out of the log.
//
// Each record that changes an instance says which record of the instance stands before it
// (engine::Record::previous_of_instance), and the instance itself which one is the last. A walk
// along these links shows the newest event first, costs one look into the log for each, and ends
// where the log does. Nothing is kept in memory for it.
//
// A long walk does not hold up the loop: all walks together read so many bytes in a turn
// (limits::kHistoryTurnBytesMax). What is left goes on in the turns that follow, a few walks taking
// turns and the others behind them.
//
// On the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/record.h"
#include "log/log.h"

namespace rstmdb::node {

/// Where a page of a history ends.
struct HistoryEnd {
  bool has_more = false;
  log::Offset next_before = 0;  // `before` of the next page, if has_more
  log::Offset horizon = 0;      // the first offset that the log still has
  bool complete = false;        // the walk came to the instance's creation
};

class HistoryWalk {
 public:
  /// Takes one event and returns how many bytes of contents it has shown.
  using OnEvent = std::function<size_t(const engine::Record&)>;
  struct Options {
    log::Log& log;
    std::string instance_id;
    log::Offset newest;  // the instance's last record
    int64_t created_at;  // the instance's; records of its id before that are another's
    log::Offset before;  // only events before this offset
    uint64_t limit;      // how many of them; at least 1
    OnEvent on_event;
  };
  explicit HistoryWalk(Options options) : options_(std::move(options)) {}

  /// Whether the log has committed everything that the walk begins with.
  bool may_begin() const { return options_.newest <= options_.log.committed(); }
  /// What the walk waits for.
  log::Offset newest() const { return options_.newest; }

  /// Goes on until the page is full, the history ends, or `spent` (bytes of the log; what a look
  /// costs besides counts as some) has reached `spent_max`. Takes at least one step. True when the
  /// page has ended. Fails with watch::unreadable_for() on a log that cannot be read.
  Result<bool> advance(size_t spent_max, size_t& spent);
  /// Once the page has ended.
  const HistoryEnd& end() const { return end_; }

 private:
  using Records = std::vector<engine::Record>;
  Result<bool> read_on(size_t spent_max, size_t& spent);
  Result<void> enter(log::Lookup& look);
  Result<Records> records_of_unit(log::Lookup& look, log::Offset offset);
  Result<bool> take(const Records& records);
  bool take_one(const engine::Record& record);

  Options options_;
  HistoryEnd end_;
  log::Offset next_ = 0;    // the record to be looked at next; 0: none has been yet
  uint64_t shown_ = 0;      // events
  size_t shown_bytes_ = 0;  // of contents
  size_t look_bytes_ = 0;   // what this advance() has spent besides reading
};

/// The walks that have not ended in the turn in which they began.
class Histories {
 public:
  class Asker {
   public:
    virtual ~Asker() = default;
    /// Once, when the page has ended.
    virtual void tell(Result<HistoryEnd> end) = 0;
    /// Whether nobody waits for the page any more: the walk is given up without a word.
    virtual bool gone() const = 0;
  };
  enum class Rest { kNone, kMore };

  /// Takes `walk` on by what is left of this turn's share, if nobody waits for it. True when its
  /// page has ended; otherwise it is to be handed to go_on().
  Result<bool> begin(HistoryWalk& walk);
  /// Takes `walk` on in the turns that follow, once what it begins with is committed, and tells
  /// `asker`. There has to be room.
  void go_on(std::unique_ptr<HistoryWalk> walk, std::unique_ptr<Asker> asker);
  /// kRateLimited (details code=TOO_MANY_HISTORIES, limit) when too many are under way for which
  /// somebody waits.
  Result<void> make_room();

  void committed(log::Offset offset);
  /// The log has stopped: what has not been committed by now will not be.
  void failed(const Error& error);
  /// At the end of each turn; kMore when another should follow at once.
  Rest end_turn();

  size_t count() const { return running_.size() + waiting_.size(); }

 private:
  struct Entry {
    std::unique_ptr<HistoryWalk> walk;
    std::unique_ptr<Asker> asker;
    bool gone() const { return asker->gone(); }
  };
  using List = std::list<Entry>;
  void run_first();

  List running_;      // the first ones take turns
  List waiting_;      // for a commit
  size_t spent_ = 0;  // of this turn's share
};

}  // namespace rstmdb::node
