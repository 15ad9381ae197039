// A draft: the records of one unit while it is being decided. Later commands of an atomic batch are
// decided against the state *and* the draft, so they see the earlier ones; nothing touches the
// state until the whole unit has its place in the log. Giving a batch up is forgetting its draft:
// there is nothing to roll back.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/keys.h"
#include "engine/record.h"
#include "engine/state.h"

namespace rstmdb::engine {

/// An instance as a decision sees it.
struct InstanceView {
  DefinitionIndex definition = 0;
  StateIndex state = 0;
  bool deleted = false;
  uint64_t last_offset = 0;
  std::string_view context;
  std::optional<Slot> slot;  // none for one that only the draft has touched
};

/// An earlier result under the same key.
struct KeyView {
  Hash128 fingerprint;
  uint64_t offset = 0;
  std::string_view instance_id;
  std::string_view from_state;
  std::string_view to_state;
  std::string_view context;
  std::string_view event_id;
};

class Draft {
 public:
  explicit Draft(const State& state) : state_(state) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const State& state() const { return state_; }
  const std::vector<Record>& records() const { return records_; }
  bool empty() const { return records_.empty(); }
  void clear();

  /// Whether the state would be larger with it: another machine, version or instance, or one
  /// whose context and last event id are longer. Keys do not count: they have a bound of their own.
  bool grows_state() const;

  /// Offset that the next record will get.
  uint64_t next_offset() const { return state_.last_offset() + records_.size() + 1; }

  std::optional<InstanceView> find_instance(std::string_view id) const;
  std::optional<KeyView> find_key(const KeyScope& scope, int64_t now_ms) const;

  /// Counts on the key of a record that is going to be added next; says how many of the oldest have
  /// to be pushed out for it, behind the keys of the records before it.
  uint32_t make_room_for_key(const Record& record, size_t keys_max, size_t bytes_max);
  /// Adds a record; its views must outlive the draft or come from keep().
  void add(const Record& record) { records_.push_back(record); }
  /// Storage for texts made while deciding; stays where it is until clear(). Comes empty.
  std::string& keep();

  /// Marks every record as part of one atomic batch.
  void number_batch();

 private:
  std::optional<InstanceView> view_of(const Record& record) const;
  bool grows_state_by(const Record& record) const;

  const State& state_;
  std::vector<Record> records_;
  KeysAhead keys_ahead_;
  std::deque<std::string> kept_;
  size_t kept_used_ = 0;
};

}  // namespace rstmdb::engine
