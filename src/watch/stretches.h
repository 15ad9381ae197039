// Stretches of the committed log, read and made into notifications' texts once for all who are
// behind there. Those who fell behind together, or start again together, read the same places at
// about the same time: the first one pays for a stretch, the others find it.
//
// A stretch begins where somebody reads and nobody has before; whoever comes to its end goes on
// with its cursor. Those used last are kept, so many and so large at most.
//
// On the loop's thread.
#pragma once

#include <list>
#include <memory>

#include "base/result.h"
#include "engine/record.h"
#include "engine/state.h"
#include "log/log.h"
#include "watch/change_list.h"

namespace rstmdb::watch {

struct Stretch {
  log::Offset first = 0;
  log::Offset end = 0;  // behind its last record
  ChangeList changes;   // in its units, which are whole
  size_t log_bytes = 0;

  // What reads on at `end`.
  std::unique_ptr<log::Cursor> cursor;  // null: opened when needed
  engine::ChainHash chain;              // of the last record
  bool chain_known = false;
};

class Stretches {
 public:
  struct Options {
    log::Log& log;
    const engine::State& state;
  };
  explicit Stretches(const Options& options) : options_(options) {}

  /// The stretch that holds `offset`, or null when everything that is committed lies before it.
  /// Valid until the next call. `cursor` stands at `offset` and saves opening one; it may be null.
  /// kNotFound when the log does not reach back so far; another error when the unit at `offset`
  /// cannot be read: what is whole before a damage is given first.
  Result<const Stretch*> at(log::Offset offset, std::unique_ptr<log::Cursor> cursor);
  void clear() { stretches_.clear(); }
  /// Closes the cursors of stretches that end before `offset`: they would keep files of the log
  /// that are trimmed.
  void close_before(log::Offset offset);

  size_t cursors() const;
  /// Of the log, read so far; opening a place and handling a unit count as some.
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t records_read() const { return records_read_; }

 private:
  using List = std::list<Stretch>;
  Stretch& begin_at(log::Offset offset);
  Result<void> read_on(Stretch& stretch);
  Result<void> take(Stretch& stretch, const log::Unit& unit);
  void make_room();

  const Options options_;
  List stretches_;  // the one used last at the front
  uint64_t bytes_read_ = 0;
  uint64_t records_read_ = 0;
};

}  // namespace rstmdb::watch
