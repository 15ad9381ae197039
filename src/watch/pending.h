// Changes that somebody wants and that the log has not committed yet, with their texts for
// notifications already made: what was folded is gone when its turn comes.
//
// One buffer holds all texts back to back, so a change costs no allocation of its own. The log
// bounds what may be uncommitted (limits::kUncommittedBytesMax), and with it this.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "watch/change.h"

namespace rstmdb::watch {

class Pending {
 public:
  /// A change on its way. Views into the buffer: valid until the next call of add() or pop().
  struct Held {
    Change change;             // without payload and context
    uint64_t unit_first = 0;   // offset of the first record of its unit
    std::string_view members;  // as append_members made them
    std::string_view lean;     // the same without `ctx`
  };

  void add(const Change& change, uint64_t unit_first);
  bool empty() const { return entries_.empty(); }
  /// Offset of the oldest change.
  uint64_t first_offset() const { return entries_.front().offset; }
  Held front() const;
  void pop();
  void clear();
  size_t bytes() const { return texts_.size(); }

 private:
  struct Entry {
    uint64_t offset;
    uint64_t unit_first;
    uint64_t at;  // of its texts, counted from the first byte ever
    uint32_t version;
    ChangeKind kind;
    uint16_t instance_bytes;
    uint16_t machine_bytes;
    uint16_t from_bytes;
    uint16_t to_bytes;
    uint16_t event_bytes;
    uint32_t lean_bytes;
    uint32_t members_bytes;
  };

  std::deque<Entry> entries_;
  std::string texts_;
  uint64_t dropped_ = 0;  // bytes that stood before texts_
};

}  // namespace rstmdb::watch
