// One connection to the server under load. Not blocking once a load drives it; blocking for the
// requests before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/frame.h"

namespace rstmdb::bench {

struct Address {
  std::string host;  // IPv4
  uint16_t port = 0;
};

/// The number that an answer carries as its id. Fails for any answer that is not a success.
Result<uint32_t> answered_id(std::string_view payload);

class Connection {
 public:
  /// Connects (TCP_NODELAY) and says HELLO.
  static Result<Connection> open(const Address& address);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  int descriptor() const { return descriptor_; }
  /// Bytes to be sent, appended by the owner.
  std::string& out() { return out_; }

  /// Sends what it can of out(); false when something is left for later.
  Result<bool> send();
  /// Receives once what is there; 0 bytes when there is nothing.
  Result<size_t> receive();
  /// The payload of the next whole answer, or "". Valid until the next receive().
  Result<std::string_view> next_answer();
  /// Sends everything and waits for one answer. Only before set_nonblocking().
  Result<std::string_view> wait_for_answer();
  void set_nonblocking();

 private:
  explicit Connection(int descriptor);

  int descriptor_;
  std::string out_;
  std::vector<char> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
  wire::FrameReader frames_;
};

}  // namespace rstmdb::bench
