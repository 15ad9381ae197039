// What every instance and machine was after each record of the log: the sequential model that
// answers are held against, at any point of the past.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crash/fold.h"
#include "crash/history.h"

namespace rstmdb::sim {

/// An instance after one record.
struct Version {
  uint64_t offset = 0;
  int64_t ts = 0;
  std::string_view state;  // a literal of crash::kStates
  std::optional<int64_t> n;
  uint64_t view = 0;         // hash of state and context
  size_t bytes = 0;          // of the context
  size_t bytes_besides = 0;  // of them, those of the member that not every payload has
  bool deleted = false;
};

struct Timeline {
  std::string machine;
  std::vector<Version> versions;  // by offset

  /// The last version at `point`; null when there was none yet.
  const Version* at(uint64_t point) const;
  /// The version that the record at `offset` made; null when it made none.
  const Version* made_by(uint64_t offset) const;
  /// Up to where `version` was the last one.
  uint64_t valid_until(const Version& version) const;
};

/// What the model says to a write at one point.
struct Decision {
  std::string_view code;  // "" when it is accepted
  std::string_view detail_code = {};
  std::string_view state = {};  // that the refusal shows, if it shows one
  uint64_t offset = 0;          // likewise; of a repetition: the first effect's
};

class Timelines {
 public:
  /// Takes in the next record, once the fold has.
  void add(const crash::LogRecord& record, const crash::Fold& fold);

  const Timeline* find(const std::string& instance) const;
  const std::unordered_map<std::string, Timeline>& all() const { return instances_; }
  /// Offset of the record that registered the machine; 0 when none has.
  uint64_t registered_at(const std::string& machine) const;
  /// Whether at some point from `from` to `to` exactly `count` instances were alive that are of
  /// `machine` and in `state`, where "" stands for any.
  bool counted(const std::string& machine, std::string_view state, uint64_t from, uint64_t to,
               uint64_t count) const;
  /// The machines that there were at `point`.
  std::set<std::string> machine_names(uint64_t point) const;
  /// Points from `from` to `to` at which there were others.
  std::vector<uint64_t> machine_points(uint64_t from, uint64_t to) const;
  /// Offset and tag of the record that used the key; nothing when none has.
  struct KeyUse {
    uint64_t offset = 0;
    uint64_t tag = 0;
  };
  const KeyUse* key(const std::string& key) const;

  /// What stands before the log in an atomic batch: the effects of its first writes.
  using Draft = std::unordered_map<std::string, Version>;
  /// Decides `write` (known by `tag`) as the sequential model does at `point`, behind `draft`, and
  /// adds an effect to it.
  Decision decide(const crash::Write& write, uint64_t tag, uint64_t point, Draft& draft) const;
  /// Points behind `from` up to `to` at which the answer to `write` may change.
  void add_points(const crash::Write& write, uint64_t from, uint64_t to,
                  std::vector<uint64_t>& points) const;

 private:
  Decision decide_event(const crash::Write& write, const Version& now) const;

  /// How many there were from an offset on.
  struct Count {
    uint64_t offset = 0;
    uint64_t alive = 0;
  };
  void count(const Timeline& timeline, const Version& version, int64_t change);

  std::unordered_map<std::string, Timeline> instances_;
  std::map<std::pair<std::string, std::string_view>, std::vector<Count>> counts_;
  std::map<std::string, uint64_t, std::less<>> machines_;
  std::vector<uint64_t> machine_offsets_;
  std::unordered_map<std::string, KeyUse> keys_;
};

}  // namespace rstmdb::sim
