// The socket on which a service tells the system's service manager how it is: sd_notify's protocol,
// lines of NAME=value in one datagram.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"

namespace rstmdb::io {

class ServiceSocket {
 public:
  virtual ~ServiceSocket() = default;
  /// Sends "READY=1\nSTATUS=…". Never waits; what cannot be sent is lost.
  virtual void send(std::string_view message) = 0;
};

/// The socket at `address`, as NOTIFY_SOCKET has it: a path, or "@name" for one without a file.
/// Fails with kBadRequest for an address that is none, kInternalError (detail errno) when the
/// system refuses.
Result<std::unique_ptr<ServiceSocket>> open_service_socket(std::string_view address);

}  // namespace rstmdb::io
