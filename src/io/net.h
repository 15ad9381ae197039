// Byte streams, as a seam: TCP in production, a simulated network in tests, TLS over either.
// Everything runs on the loop's thread. No call blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/executor.h"

namespace rstmdb::io {

/// What the owner of a stream is told. Calls never nest inside the owner's own call to the stream.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  /// Where the next bytes shall go. An empty span pauses reading until Stream::resume_reading().
  virtual std::span<char> read_buffer() = 0;
  /// `size` bytes (> 0) have been written to the front of the span last given.
  virtual void on_read(size_t size) = 0;
  /// The stream takes bytes again, after write() took fewer than given.
  virtual void on_writable() = 0;
  /// The peer has closed its side, or the connection broke: detail `reason` is "end" or "broken",
  /// with detail errno for the latter. All bytes that came before have been delivered, unless
  /// reading was paused when the connection broke. The last call, unless the owner called close()
  /// first, in which case no call follows at all. After "end" the peer may still be reading: the
  /// owner may go on with write(), and a short one, before it or behind it, brings on_writable().
  virtual void on_closed(const Error& reason) = 0;
};

/// Who a peer has proved to be, below the protocol.
struct PeerIdentity {
  std::string subject;     // of a verified certificate, RFC 2253; "" without one
  int64_t expires_ms = 0;  // until when that is valid, Unix time
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes at once
  /// Begins reading. `events` outlives the stream or its close().
  virtual void start(StreamEvents& events) = 0;
  virtual void resume_reading() = 0;
  /// Hands over as many of `bytes` as the peer's window takes now and says how many. Fewer than
  /// all: wait for on_writable(). A broken connection takes all and is reported by on_closed().
  virtual size_t write(std::string_view bytes) = 0;
  /// Closes. `kAfterSending` lets the kernel deliver what it holds; `kReset` does not.
  enum class Close { kAfterSending, kReset };
  virtual void close(Close how) = 0;
  /// "192.0.2.7:50123", for logs.
  virtual const std::string& peer() const = 0;
  /// Known from the first on_read() on, and the same from then on.
  virtual const PeerIdentity& identity() const;
  /// Whether the peer's certificate would still be accepted; true where none was shown. Costs as
  /// much as a few signatures.
  virtual bool still_trusted() const { return true; }
};

inline const PeerIdentity& Stream::identity() const {
  static const PeerIdentity nobody;
  return nobody;
}

class Listener {
 public:
  virtual ~Listener() = default;  // stops listening; accepted streams live on
  /// "127.0.0.1:7401" with the real port, also when port 0 was asked for.
  virtual const std::string& address() const = 0;
};

class Net {
 public:
  using Accept = std::move_only_function<void(std::unique_ptr<Stream>)>;
  virtual ~Net() = default;
  /// Listens on "host:port" ("[::1]:7401" for IPv6; a host name resolves to its first address; port
  /// 0 lets the system choose). Fails with kBadRequest for an address that is none, kInternalError
  /// when the system refuses it (details: address, errno).
  virtual Result<std::unique_ptr<Listener>> listen(std::string_view address, Accept on_accept) = 0;
};

}  // namespace rstmdb::io
