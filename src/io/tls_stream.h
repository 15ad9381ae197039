// The server's side of one TLS connection, as a Stream over a Stream.
#pragma once

#include <memory>
#include <unordered_map>

#include "io/net.h"
#include "io/tls_handshakes.h"
#include "io/tls_net.h"

namespace rstmdb::io {

struct TlsShared {
  TlsShared(Loop& its_loop, Worker& worker, TlsContext its_context)
      : loop(its_loop),
        context(std::move(its_context)),
        handshakes(std::make_shared<TlsHandshakes>(worker)) {}
  Loop& loop;
  TlsContext context;
  TlsNet::Stats stats;
  std::shared_ptr<TlsHandshakes> handshakes;  // shared with steps under way
  /// Connections that their owners have closed, with bytes still to be sent; let go by the net.
  std::unordered_map<const void*, std::shared_ptr<TlsHandshakes::Party>> closing;
};

/// Takes over `below` and speaks TLS on it. The handshake begins with the peer's first bytes; until
/// it is done, write() takes nothing.
///
/// An owner sees what it would see of `below`, except that only the peer's close_notify is its end:
/// a connection that ends without one is broken, because anybody could have cut it.
std::unique_ptr<Stream> serve_tls(std::shared_ptr<TlsShared> shared, std::unique_ptr<Stream> below);

}  // namespace rstmdb::io
