// A client's way into the server, through either of its doors: requests of the protocol go in, and
// its answers and notifications come out, whichever form they travel in.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "crash/connection.h"

namespace rstmdb::lin {

/// The port of each door.
struct Ports {
  uint16_t rcp = 0;
  uint16_t http = 0;
};

/// Pipelined; never blocks. Whoever owns several of them polls their descriptors.
class Line {
 public:
  using Take = crash::Connection::Take;
  using Hear = crash::Connection::Hear;
  using Link = crash::Connection::Link;

  virtual ~Line() = default;

  virtual int descriptor() const = 0;
  virtual bool has_unsent() const = 0;
  /// Adds a request to what send() sends. `params` is JSON.
  virtual void queue(uint64_t id, std::string_view op, std::string_view params) = 0;
  /// Sends what the socket takes. A broken connection shows in receive().
  virtual void send() = 0;
  /// As crash::Connection::receive(). The answer to a watch may have `event_id`, by which its
  /// stream wants to be resumed until something is told on it.
  virtual Result<Link> receive(const Take& take, const Hear& hear) = 0;
};

/// Opens one through the door of `dialect`: a wire::Dialect, or kHttp. Fails with kInternalError
/// when nobody listens.
Result<std::unique_ptr<Line>> open_line(uint8_t dialect, const Ports& ports);

/// Polls until `line` can be read (or sent to, when it has something) or `timeout_ms` is over;
/// false when it is over.
bool wait_for(const Line& line, int timeout_ms);

}  // namespace rstmdb::lin
