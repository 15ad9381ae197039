// Changes in the order of the log, with their texts for notifications already made: those that
// somebody wants and that the log has not committed yet, because what was folded is gone when their
// turn comes; and those that were read from the log again.
//
// One buffer holds all texts back to back, so a change costs no allocation of its own. The log
// bounds what may be uncommitted (limits::kUncommittedBytesMax), and with it what waits here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "watch/change.h"

namespace rstmdb::watch {

class ChangeList {
 public:
  /// One of them. Views into the buffer: valid until the next call that changes the list.
  struct Held {
    Change change;            // without payload and context
    uint64_t unit_first = 0;  // offset of the first record of its unit
    wire::SharedEvent full;   // its text
    wire::SharedEvent lean;   // the same without `ctx`
  };

  /// Offsets grow from one call to the next.
  void add(const Change& change, uint64_t unit_first);
  size_t size() const { return entries_.size() - gone_; }
  bool empty() const { return size() == 0; }
  /// The oldest is number 0.
  Held at(size_t number) const;
  uint64_t offset(size_t number) const { return entries_[gone_ + number].offset; }
  /// The number of the first change at or behind `offset`; size() when there is none.
  size_t first_from(uint64_t offset) const;

  /// Drops the `count` oldest, all at most.
  void pop(size_t count);
  /// Drops all but the `count` oldest.
  void keep(size_t count);
  void clear();

  /// Of the texts.
  size_t bytes() const { return texts_.size(); }
  /// Allocated.
  size_t memory() const { return texts_.capacity() + entries_.capacity() * sizeof(Entry); }

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
    TextForms forms;
  };

  std::vector<Entry> entries_;
  size_t gone_ = 0;  // entries at the front that have been popped
  std::string texts_;
  uint64_t dropped_ = 0;  // bytes that stood before texts_
};

}  // namespace rstmdb::watch
