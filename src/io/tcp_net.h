// TCP on the loop's own thread. One read is outstanding per stream, straight into its owner's
// buffer; a write is a plain send, and the system is asked for writability only after a short one.
// A lone request and its answer cost one send and two receives, of which the second finds nothing:
// it is how the wait for the next request begins, and it saves an epoll round when there is one.
//
// A stream's connection belongs to the stream and to the operations that the loop still holds for
// it: the owner may destroy or close the stream inside any callback.
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
