// TCP on the loop's own thread. When a socket has something new (io/socket_poll.h) it is received
// straight into its owner's buffer; a write is a plain send. A lone request and its answer cost one
// receive and one send, and what is ready at once is asked for together.
//
// A stream's connection belongs to the stream and to what the loop still holds for it: the owner
// may destroy or close the stream inside any callback.
#pragma once

#include "io/asio_loop.h"
#include "io/net.h"

namespace rstmdb::io {

class TcpNet final : public Net {
 public:
  /// `loop` outlives the net and everything made by it.
  explicit TcpNet(AsioLoop& loop) : loop_(loop) {}

  /// When the process runs out of descriptors or memory, accepting pauses for
  /// limits::kAcceptBackOffMs at a time and the log says so once.
  Result<std::unique_ptr<Listener>> listen(std::string_view address, Accept on_accept) override;

 private:
  AsioLoop& loop_;
};

}  // namespace rstmdb::io
