// Idempotency keys: what a write with a key led to, kept so that a repeated request gets the first
// answer instead of a second effect.
//
// A key lives until its expiry *in log time* (the time stamps of records, not the clock), so
// replaying the log rebuilds the same table at any later date. When the table is full the oldest
// keys make room; how many is decided once, when the record is made, and stands in it, so that the
// bound may be configured differently at the next start without changing history.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/definition.h"
#include "engine/instances.h"
#include "engine/record.h"

namespace rstmdb::engine {

/// What a key is unique within: the operation, and the instance (for a create without an id: the
/// machine).
struct KeyScope {
  RecordKind operation = RecordKind::kApplyEvent;
  std::string_view subject;
  std::string_view key;

  /// Bytes of text().
  size_t size() const { return subject.size() + key.size() + 2; }
  /// One text for look-ups. Names hold no control characters, so its parts cannot run into each
  /// other.
  std::string text() const;
  /// The parts of such a text, as views into it; an operation of 0 when it is none.
  static KeyScope of_text(std::string_view text);
};

struct KeyRow;  // rows.h

/// The facts of the first result.
struct KeyResult {
  Hash128 fingerprint;
  int64_t expires_at = 0;
  uint64_t offset = 0;
  DefinitionIndex definition = 0;
  StateIndex from = 0;
  StateIndex to = 0;
  std::string instance_id;
  std::string context;
  std::string event_id;
};

class Keys {
 public:
  explicit Keys(uint64_t hash_seed);
  ~Keys();
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  /// The unexpired result under `scope`, or null. Valid until the table changes.
  const KeyResult* find(const KeyScope& scope, int64_t now_ms) const;
  /// Adds a result; an expired one under the same scope is replaced.
  void add(const KeyScope& scope, KeyResult result);
  /// Drops, oldest first, every key whose time is over at `now_ms`, up to the first that is still
  /// alive.
  void expire(int64_t now_ms);
  void evict_oldest(uint32_t count);

  /// How many keys, from the oldest on, expire() would drop.
  uint64_t expired(int64_t now_ms) const;

  // For snapshots. Keys are numbered in the order in which they came, over the life of the table.
  uint64_t first_sequence() const { return dropped_; }  // of the oldest key that is there
  KeyRow row(uint64_t sequence) const;
  /// Adds a key behind those that are there.
  void restore(const KeyRow& row);

  size_t count() const { return queue_.size(); }
  /// Bytes of all entries, with a fixed allowance for bookkeeping.
  size_t bytes() const { return bytes_; }
  Hash128 hash() const { return hash_; }
  /// The same, summed up anew; for checking the one above.
  Hash128 hash_by_walk() const;
  /// What an entry counts as, whose scope and first answer have texts of so many bytes.
  static size_t entry_bytes(size_t scope_bytes, size_t answer_bytes);

 private:
  friend class KeysAhead;
  struct Entry {
    std::string scope;
    KeyResult result;
  };
  struct Index;
  void add(std::string scope, KeyResult result);
  static size_t bytes_of(const Entry& entry);
  static KeyRow row_of(const Entry& entry);
  void drop_oldest();

  std::deque<Entry> queue_;  // oldest first
  uint64_t dropped_ = 0;     // entries that have left the queue's front: sequence of its first
  size_t bytes_ = 0;
  Hash128 hash_;
  std::unique_ptr<Index> index_;
};

/// The table as it will be behind keys that are decided and not in it yet: those of a draft. Costs
/// nothing until the table is full, and then a step for each key that leaves it.
class KeysAhead {
 public:
  /// The table has changed, or there are no keys to come.
  void clear();
  /// Puts a key of `bytes` behind the others. Says how many of the oldest must be pushed out so
  /// that both bounds hold; keys that have expired at `now_ms` go by themselves before that.
  uint32_t add(const Keys& keys, size_t bytes, int64_t now_ms, size_t keys_max, size_t bytes_max);

 private:
  bool drop_oldest(const Keys& keys);

  std::vector<size_t> to_come_;  // bytes of each
  size_t to_come_bytes_ = 0;
  size_t gone_ = 0;  // of the oldest: the table's, then of those to come
  size_t gone_bytes_ = 0;
};

}  // namespace rstmdb::engine
