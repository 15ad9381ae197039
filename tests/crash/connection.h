// A pipelined connection to the server: requests are queued with a number and answers are taken by
// it. Never blocks; whoever owns several of them polls their descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"
#include "wire/frame.h"

namespace rstmdb::crash {

/// A socket, connected to the loopback address, that does not block. Fails with kInternalError when
/// nobody listens.
Result<int> connect_to(uint16_t port);
/// Sends what the socket takes and removes it from `output`.
void send_some(int descriptor, std::string& output);
/// Appends to `input` what has arrived. False when nothing more will: the peer has ended or is
/// gone.
bool receive_some(int descriptor, std::string& input);

class Connection {
 public:
  using Take = std::function<void(uint64_t id, json::Value response)>;
  using Hear = std::function<void(json::Value notification)>;
  enum class Link { kOpen, kEnded };

  /// As connect_to().
  static Result<Connection> open(uint16_t port, wire::Dialect dialect = wire::Dialect::kRcpx);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  int descriptor() const { return descriptor_; }
  /// Adds a request to what send() sends. `params` is JSON.
  void queue(uint64_t id, std::string_view op, std::string_view params);
  bool has_unsent() const { return !output_.empty(); }

  /// Sends what the socket takes. A broken connection shows in receive().
  void send();
  /// Hands over every whole answer that is there; the response is valid during the call. kEnded
  /// once the peer has closed and all before it was taken. An error is an answer that is no answer,
  /// which a notification is when nobody hears it.
  Result<Link> receive(const Take& take, const Hear& hear = {});

 private:
  Connection(int descriptor, wire::Dialect dialect);
  Result<void> take_answers(const Take& take, const Hear& hear);

  int descriptor_;
  wire::Dialect dialect_;
  std::string output_;
  std::string input_;
  wire::FrameReader frames_;
  json::Document document_;
};

/// Polls until `connection` can be read (or sent to, when it has something) or `timeout_ms` is
/// over; false when it is over.
bool wait_for(const Connection& connection, int timeout_ms);

}  // namespace rstmdb::crash
