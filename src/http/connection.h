// One connection of the HTTP door: bytes in, one request at a time, its answer out. On the loop's
// thread.
//
// The next request is looked at when the answer before has left. A client that sends more before it
// has its answer is answered once and closed: nobody who reads metrics does that, and whoever
// hides a second request behind a first one gets nothing from it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/request.h"
#include "http/response.h"
#include "io/clock.h"
#include "io/net.h"

namespace rstmdb::http {

class Connection;

class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual Response answer(const Request& request) = 0;
  /// The connection is over; it is destroyed soon, not inside this call.
  virtual void on_ended(Connection& connection) = 0;
};

class Connection final : private io::StreamEvents {
 public:
  struct Options {
    ConnectionOwner& owner;
    io::Clock& clock;
    std::unique_ptr<io::Stream> stream;
  };
  explicit Connection(Options options);

  void start() { stream_->start(*this); }
  /// Ends what takes too long. The door calls it every second.
  void check_timeouts(int64_t now_ms);

 private:
  std::span<char> read_buffer() override;
  void on_read(size_t size) override;
  void on_writable() override;
  void on_closed(const Error& reason) override;

  void go_on();
  bool send();
  void take(const Request& request);
  void refuse(const Refusal& refusal);
  void end(io::Stream::Close how);
  int64_t now_ms() const;

  ConnectionOwner& owner_;
  io::Clock& clock_;
  std::unique_ptr<io::Stream> stream_;
  RequestReader requests_;
  std::string input_;
  size_t input_end_ = 0;  // of what has arrived
  std::string output_;
  size_t sent_ = 0;

  enum class Phase { kOpen, kClosing, kEnded };  // kClosing: what is in output_ is the last
  Phase phase_ = Phase::kOpen;
  bool write_blocked_ = false;
  bool paused_ = false;  // the stream waits for resume_reading()
  int64_t since_ms_;     // connected, or the last answer was made, or it has left
};

}  // namespace rstmdb::http
