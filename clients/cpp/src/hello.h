// From nothing to a session: TCP, TLS, HELLO and AUTH.
#pragma once

#include <memory>
#include <string>

#include "transport.h"
#include "wire/frame.h"

namespace rstmdb::client {

/// A connection on which requests may be sent.
struct Session {
  std::shared_ptr<Transport> transport;  // shared with a caller that is writing while it is lost
  wire::FrameReader frames;
  std::string input;  // bytes read beyond the last frame
};

wire::Dialect dialect_of(Wire wire);

/// One attempt, until `deadline`. A refusal by the server is an error of kind kServer.
Result<Session> open_session(const Options& options, TimePoint deadline, Waiter& waiter);

}  // namespace rstmdb::client
