// Connections that a door has no room for: each is told so and closed. With TLS that takes a
// handshake first, so they are kept meanwhile. On the loop's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/response.h"
#include "http/roster.h"
#include "io/executor.h"
#include "io/net.h"

namespace rstmdb::http {

class Refusals {
 public:
  explicit Refusals(io::Loop& loop);
  ~Refusals();

  /// Sends `response` and closes. Resets the connection instead when limits::kRefusalsMax are being
  /// refused already, and when the peer has not taken it after limits::kRefusalTimeoutMs.
  void refuse(std::unique_ptr<io::Stream> stream, const Response& response, std::string_view date);

 private:
  class One;

  io::Loop& loop_;
  Roster<One> ones_;
};

}  // namespace rstmdb::http
