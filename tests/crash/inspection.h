// Reads the log and the instances of a server that nobody writes to, and feeds them to the checker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crash/checker.h"
#include "crash/connection.h"
#include "crash/dice.h"

namespace rstmdb::crash {

class Inspection {
 public:
  Inspection(Checker& checker, uint64_t seed) : checker_(checker), dice_(seed) {}

  /// The new records, the end of the old ones and some from their middle again, and the instances
  /// that have changed, with the histories of some.
  Result<void> after_restart(uint16_t port);
  /// The whole log once more, and every instance that there ever was.
  Result<void> complete(uint16_t port);

  /// Most segment files seen.
  uint64_t segments_max() const { return segments_max_; }

 private:
  struct Call {
    std::string_view op;
    std::string params;
  };
  using TakeResult = std::function<void(size_t call, json::Value response)>;

  static Result<void> exchange(Connection& connection, const std::vector<Call>& calls,
                               const TakeResult& take);
  Result<void> look_at_end(Connection& connection);
  Result<void> look_at_begin(Connection& connection);
  /// Feeds up to `limit` records from `from`; returns where to read on, 0 at the end of the log.
  Result<uint64_t> read_page(Connection& connection, uint64_t from, uint64_t limit);
  Result<void> read_to_end(Connection& connection, uint64_t from);
  Result<void> compare(Connection& connection, const std::vector<std::string>& ids);
  Result<void> compare_histories(Connection& connection, const std::vector<std::string>& ids);
  void feed(json::Value element);

  Checker& checker_;
  Dice dice_;
  uint64_t segments_max_ = 0;
  uint64_t oldest_ = 1;  // that the log still has
  uint64_t fed_ = 0;     // records of the last reading
};

}  // namespace rstmdb::crash
