// How a database is asked and how it answers. The load knows nothing else of it, so the same loop
// with the same costs drives rstmdb, Redis and PostgreSQL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/connection.h"

namespace rstmdb::bench {

enum class Operation : uint8_t { kApplyEvent, kGetInstance, kCreateInstance, kListInstances };

struct Request {
  Operation operation = Operation::kApplyEvent;
  /// Comes back with the answer, if the protocol has ids for that.
  uint32_t slot = 0;
  /// Which instance; for a creation, the how many-th of this run.
  uint32_t instance = 0;
  /// Goes into the payload, so that no two requests are the same.
  uint32_t number = 0;
};

inline constexpr uint32_t kSlotsMax = 10'000;  // an id is four digits

struct Answer {
  size_t size = 0;     // bytes of the input; 0: it is not all there
  uint32_t slot = 0;   // as asked; unused when answers come in order
  uint32_t count = 1;  // requests that it answers; more than one only when they come in order
};

/// Used by one thread. Not tied to a connection.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Whether answers come in the order of the requests and carry no id.
  virtual bool in_order() const = 0;
  /// Makes a fresh, blocking connection ready for requests.
  virtual Result<void> greet(Connection& connection) = 0;
  virtual void append(std::string& out, const Request& request) = 0;
  /// Ends a group of requests (Plan::group), where the protocol has such a thing.
  virtual void end_group(std::string& out) { static_cast<void>(out); }
  /// Takes the answer at the front of `input`. Fails for an answer that is no success.
  virtual Result<Answer> read(std::string_view input) = 0;
};

/// Sends everything and waits for one answer, which is then the front of the connection's input, to
/// be dropped by the caller. Only while the connection is blocking.
Result<Answer> exchange(Connection& connection, Protocol& protocol);

}  // namespace rstmdb::bench
