// A connected byte stream, plain or TLS, that never blocks.
//
// One thread reads; any one thread at a time writes, possibly while the other reads (TlsTransport
// has a lock inside, as one SSL object serves both ways). Sending to a peer that is gone is an
// error, never a SIGPIPE: sockets are written with MSG_NOSIGNAL, and TLS goes through memory, not
// through a BIO on the socket.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "rstmdb/options.h"
#include "rstmdb/result.h"

namespace rstmdb::client {

using TimePoint = std::chrono::steady_clock::time_point;

/// An open file descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// How a connecting thread waits: so that it can also serve timeouts and be told to stop.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Waits until `fd` has one of `events` (as in poll). Fails with kConnection (detail reason
  /// "timeout") at `deadline` and with kCancelled when the waiting is to stop.
  virtual Result<void> await(int fd, short events, TimePoint deadline) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int fd() const = 0;
  /// Bytes read into `to`; 0 when none are there now. The peer's end is an error (reason "closed").
  virtual Result<size_t> read(char* to, size_t size) = 0;
  /// Bytes taken from the front of `bytes`; fewer than all when the peer is not reading. Called
  /// with "" it goes on sending what has been taken and is not out yet.
  virtual Result<size_t> write(std::string_view bytes) = 0;
  /// Taken, but not out yet.
  virtual bool has_unsent() const = 0;
};

/// An error of kind kConnection with details host, port and `reason`: one of resolve, refused,
/// unreachable, timeout, closed, tls, certificate.
Error connection_error(const Options& options, std::string_view reason, std::string message);

/// Looks the host up and connects to the first of its addresses that answers.
Result<std::unique_ptr<Transport>> connect_tcp(const Options& options, TimePoint deadline,
                                               Waiter& waiter);
/// TLS on top of `below`, with the handshake done and the server's certificate checked.
Result<std::unique_ptr<Transport>> start_tls(std::unique_ptr<Transport> below,
                                             const Options& options, TimePoint deadline,
                                             Waiter& waiter);

}  // namespace rstmdb::client
