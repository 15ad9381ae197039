// One TCP connection to a database under load: bytes to send, bytes received. It knows no protocol.
// Blocking until set_nonblocking(), for what comes before the load.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rstmdb::bench {

struct Address {
  std::string host;  // IPv4
  uint16_t port = 0;
};

/// An error that names the system call and errno.
Error call_failed(std::string_view call);

class Connection {
 public:
  /// Connects, with TCP_NODELAY.
  static Result<Connection> open(const Address& address);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  int descriptor() const { return descriptor_; }
  void set_nonblocking();

  /// Bytes to be sent, appended by the owner.
  std::string& out() { return out_; }
  /// Sends what it can of out(); false when something is left for later.
  Result<bool> send();

  /// Receives once what is there; 0 bytes when there is nothing. Invalidates input().
  Result<size_t> receive();
  /// What has been received and not dropped.
  std::string_view input() const { return {input_.data() + begin_, end_ - begin_}; }
  void drop(size_t bytes) { begin_ += bytes; }

 private:
  explicit Connection(int descriptor);

  int descriptor_;
  std::string out_;
  size_t sent_ = 0;  // of out_
  std::vector<char> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace rstmdb::bench
