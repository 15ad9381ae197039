// The state that the log's records add up to, computed apart from the server, and what it says
// about each record as it comes: was it allowed, and is the context after it the right one?
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "crash/history.h"
#include "crash/model.h"
#include "crash/verdict.h"

namespace rstmdb::crash {

struct FoldedInstance {
  std::string machine;
  std::string state;
  Members context;
  uint64_t last_offset = 0;
  int64_t created_at = 0;
  int64_t updated_at = 0;
  bool deleted = false;
  std::vector<uint64_t> offsets;  // of its records
};

class Fold {
 public:
  explicit Fold(Verdict& verdict) : verdict_(verdict) {}

  /// Folds the next record in. `write` is the write that it stems from, or null when there is none.
  void apply(const LogRecord& record, const Write* write);
  /// Compares an instance as the server shows it with what the records made of it.
  void compare(const InstanceRead& read) const;
  /// Compares a history, which must be the newest of what the log still has of the records.
  void compare(const HistoryRead& read) const;

  const std::unordered_map<std::string, FoldedInstance>& instances() const { return instances_; }
  /// Whether an instance of that id exists and is not deleted.
  bool alive(const std::string& id) const;
  /// Instances that records have touched since the last call.
  std::vector<std::string> take_touched();

 private:
  void create(const LogRecord& record);
  void apply_event(const LogRecord& record, const Write* write);
  void check_expectations(const LogRecord& record, const Write& write,
                          const FoldedInstance& instance) const;

  Verdict& verdict_;
  std::set<std::string, std::less<>> machines_;
  std::unordered_map<std::string, FoldedInstance> instances_;
  std::set<std::string> touched_;
};

/// `record 12 (apply_event i7)`, for messages.
std::string name_of(const LogRecord& record);

}  // namespace rstmdb::crash
