// Records: the facts that the log keeps, and their bytes.
//
// A record says what happened, complete enough to fold it without asking anything else: no guard is
// run and no definition consulted to find out what an event led to. Layout of one record inside a
// unit (docs/log-format.md):
//
//   size:varint            bytes of the rest
//   format:u8 (=1)  kind:u8  fields:u16
//   offset:u64  ts:u64  previous:u64  content:u64 u64
//   optional fields and the kind's own, in a fixed order (varints and length-prefixed texts)
//   payload:text  context:text
//
// `content` is the hash of payload and context, `previous` the hash of the record before (its bytes
// up to, not including, payload and context). The chain therefore covers contents through their
// hash, and a content can be erased one day without breaking it. Integers are little-endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "engine/slot_set.h"

namespace rstmdb::engine {

enum class RecordKind : uint8_t {
  kPutMachine = 1,
  kCreateInstance = 2,
  kApplyEvent = 3,
  kDeleteInstance = 4,
  kFlushAll = 5,
  kSnapshotInstance = 6,  // changes nothing; keeps what an instance was
};

/// The idempotency part of a record; `key` empty means none.
struct KeyFact {
  std::string_view key;
  Hash128 fingerprint;     // of the request's parameters
  int64_t expires_at = 0;  // UTC ms, in log time
  uint32_t evicted = 0;    // how many of the oldest keys this record pushes out of the table
};

/// One fact. The texts are views: into the command and the draft while deciding, into the log's
/// bytes while reading. Which fields a kind uses stands beside them.
struct Record {
  RecordKind kind = RecordKind::kApplyEvent;
  uint64_t offset = 0;
  int64_t ts = 0;             // UTC ms; never less than that of an earlier record
  uint32_t batch_index = 0;   // place inside an atomic batch
  uint32_t batch_size = 0;    // records of the atomic batch; 0 outside one
  std::string_view actor;     // authenticated principal, or ""
  std::string_view trace_id;  // or ""
  KeyFact key;

  std::string_view machine;      // put, create; apply, delete: see has_origin()
  uint32_t version = 0;          // as machine
  std::string_view checksum;     // put: SHA-256 hex of `context`
  std::string_view instance_id;  // create, apply, delete, snapshot
  bool generated_id = false;     // create: the server chose the id
  std::string_view event;        // apply
  std::string_view from_state;   // apply; delete: see has_origin()
  std::string_view to_state;     // apply; create: the initial state
  std::string_view event_id;     // apply, or ""
  std::string_view payload;      // apply: JSON; "" when the event had none
  std::string_view snapshot_id;  // snapshot
  /// Offset of the instance's record before this one (apply, delete): a history is read along these
  /// links, newest first. 0 when the record does not say: those of releases before 0.3, and a
  /// creation, which is the first.
  uint64_t previous_of_instance = 0;
  std::string_view context;  // apply, create: context after; put: the canonical definition;
                             // snapshot: the instance as a JSON document

  /// Where decide() has found the instance (apply, delete), so that apply() need not look for it
  /// again. No part of the fact: it is not kept, and a record that has been read has none.
  std::optional<Slot> slot;

  /// Whether an apply or delete says by itself which machine the instance has and (delete) which
  /// state it was in. Folding needs neither, watchers do, also when the instance is long gone.
  /// Records of release 0.1 say neither.
  bool has_origin() const { return !machine.empty(); }
};

/// What links one record of the log to the next.
struct ChainHash {
  uint64_t value = 0;
};

/// Appends the record's bytes and moves `chain` on to it.
void append_record(std::string& out, const Record& record, ChainHash& chain);

/// Reads records out of a unit's bytes, in order, checking each against the chain.
class RecordReader {
 public:
  RecordReader(std::string_view unit, ChainHash& chain) : rest_(unit), chain_(chain) {}
  bool at_end() const { return rest_.empty(); }
  /// Byte of the next record within the unit.
  size_t position() const { return position_; }
  /// The next record, its texts views into the unit. kInternalError with details
  /// code=RECORD_DAMAGED or RECORD_UNKNOWN_FORMAT, reason and byte (within the unit) for bytes that
  /// no version of this server has written; nothing is guessed.
  Result<Record> next();
  /// The same, into `record`, which is a fresh one. After an error it is of no use.
  Result<void> next(Record& record);

  /// Trusts the first record's link instead of comparing it: for readers that start in the middle
  /// of the log.
  void adopt_chain() { adopt_ = true; }

 private:
  std::string_view rest_;
  ChainHash& chain_;
  size_t position_ = 0;
  bool adopt_ = false;
};

}  // namespace rstmdb::engine
