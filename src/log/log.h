// The log: orders units of bytes and keeps them. It knows nothing of machines and instances.
//
// A *unit* is what reaches the log whole or not at all: the records of one command, or of one
// atomic batch. Each record in it takes one *offset*; offsets are 1, 2, 3, … without gaps. `append`
// gives a place, `flush` makes places safe, and Listener::on_committed says how far: everything up
// to that offset may be answered.
//
// The interface is wide enough for a replicated log (docs/decisions): appends are asynchronous with
// many in flight, an outcome may be unknown for a while, the head is a hint for readers elsewhere,
// and an owner can be told that it is one no longer (on_fenced). Everything runs on the loop's
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "base/result.h"

namespace rstmdb::log {

using Offset = uint64_t;  // of a record; 0 stands before the first

struct Unit {
  Offset first_offset = 0;
  uint32_t record_count = 0;  // >= 1
  std::string_view bytes;  // valid until the call (append) or until the next next() (read) returns
};

struct Stats {
  uint64_t record_count = 0;  // retained
  uint64_t segment_count = 0;
  uint64_t total_bytes = 0;  // of the retained segments' used part
  Offset oldest_offset = 0;  // first retained record, 0 when there is none
  Offset latest_offset = 0;  // last appended record
  uint64_t bytes_written = 0;
  uint64_t bytes_read = 0;
  uint64_t writes = 0;
  uint64_t reads = 0;
  uint64_t syncs = 0;
  // Of groups, where the log makes groups; what it counts since it was opened.
  Histogram group_records{kCountBounds};  // records in a group
  Histogram flush_ns{kTimeBoundsNs};      // one trip to the disk, with the sync that belongs to it
  Histogram commit_wait_ns{
      kTimeBoundsNs};  // from the append of a group's oldest unit to its commit
};

/// Told about the fate of what was appended. Calls come on the loop's thread, never from inside
/// append().
class Listener {
 public:
  virtual ~Listener() = default;
  /// Every record up to `offset` is as safe as the log's policy promises. Grows.
  virtual void on_committed(Offset offset) = 0;
  /// Every record up to `offset` survives a power cut, whatever the policy. Comes after each sync.
  virtual void on_durable(Offset offset) { static_cast<void>(offset); }
  /// The log has stopped for good: nothing beyond the last on_committed is promised, and nothing
  /// more is taken. What was not committed may or may not be found by the next start.
  virtual void on_failed(const Error& error) = 0;
  /// Another owner has taken over; like on_failed, but the truth is elsewhere. Never called by a
  /// local log.
  virtual void on_fenced() = 0;
};

/// Reads units in order. Holds on to the files it reads, so trimming does not pull them away.
class Cursor {
 public:
  virtual ~Cursor() = default;
  /// The next committed unit, or nullopt when there is none yet (ask again after on_committed).
  /// Fails with kWalIoError (details file, byte) on damage: a hole is a fault, never skipped.
  virtual Result<std::optional<Unit>> next() = 0;
};

/// Finds single units anywhere in the log, in any order. What has been read stays at hand, so units
/// that stand close together cost one read. Holds on to the file it has read last, as a cursor
/// does: for use within a turn.
class Lookup {
 public:
  virtual ~Lookup() = default;
  /// The unit that holds `offset`, which is committed; valid until the next call. kNotFound as
  /// read_from(), and kWalIoError as Cursor::next().
  virtual Result<Unit> unit_of(Offset offset) = 0;
  /// Of the log, so far.
  virtual uint64_t bytes_read() const = 0;
};

struct Trimmed {
  uint64_t segments_removed = 0;
  /// What the files took on the disk, measured before each was removed; none for a file that a
  /// cursor still holds open.
  uint64_t bytes_reclaimed = 0;
};
using OnTrimmed = std::move_only_function<void(Result<Trimmed>)>;

class Log {
 public:
  virtual ~Log() = default;

  virtual void set_listener(Listener& listener) = 0;

  /// Gives the unit its place at the end. `unit.first_offset` must be next_offset(). Copies the
  /// bytes. Returning means "has a place", not "is safe". Fails with kWalIoError once the log has
  /// stopped, and with kRateLimited when more than limits::kUncommittedBytesMax wait for the disk
  /// or there are no offsets left (nothing was taken then).
  virtual Result<void> append(const Unit& unit) = 0;
  /// Sets out to commit everything appended so far; on_committed follows, before this returns or
  /// later. Called at the end of each turn. Nothing to do: returns at once.
  virtual void flush() = 0;

  virtual Offset next_offset() const = 0;
  virtual Offset committed() const = 0;
  /// Everything up to here survives a power cut, whatever the policy; at most committed().
  virtual Offset durable() const = 0;
  /// Sets out to make everything appended so far durable; on_durable follows, before this returns
  /// or later. Nothing to do: returns at once.
  virtual void sync() = 0;
  /// Bytes appended and not yet committed.
  virtual size_t uncommitted_bytes() const = 0;

  /// A cursor whose first unit is the one that holds `offset` (or the first one after it that will
  /// come). kNotFound with detail oldest_offset when `offset` has been trimmed away.
  virtual Result<std::unique_ptr<Cursor>> read_from(Offset offset) = 0;
  virtual std::unique_ptr<Lookup> look_up() = 0;

  /// Forgets at once what lies wholly before `keep_from`, as far as whole files allow, and has the
  /// files removed; then tells `done`, on the loop's thread, perhaps before this returns. Only for
  /// offsets that a durable snapshot covers, and only one trim at a time. A log that is closed or
  /// destroyed meanwhile tells nobody, and what is left of the files is found again by the next
  /// start.
  virtual void trim(Offset keep_from, OnTrimmed done) = 0;

  virtual Stats stats() const = 0;

  /// Commits everything, writes the mark of a clean end and closes. Nothing may be called
  /// afterwards.
  virtual Result<void> close() = 0;
};

}  // namespace rstmdb::log
