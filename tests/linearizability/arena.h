// Clients that are released together.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crash/connection.h"

namespace rstmdb::lin {

/// What one client was told in a round.
struct RaceAnswer {
  std::string error;  // the code, or "" for success
  uint64_t offset = 0;
  bool applied = false;
  std::string text;  // of the whole answer, without its id
};

class Arena {
 public:
  /// Connects `clients` clients.
  static Result<Arena> open(uint16_t port, size_t clients);

  /// Sends one request on each connection, all of them written before any answer is waited for.
  /// One answer each, in the order of the clients.
  Result<std::vector<RaceAnswer>> release(
      const std::function<std::pair<std::string_view, std::string>(size_t client)>& request);
  /// One request on the first connection.
  Result<RaceAnswer> ask(std::string_view op, const std::string& params);
  size_t size() const { return connections_.size(); }

 private:
  Result<void> collect(std::vector<RaceAnswer>& answers, size_t expected);
  std::vector<crash::Connection> connections_;
};

}  // namespace rstmdb::lin
