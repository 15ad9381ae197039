// One HTTP connection: bytes in, one request at a time, its answer out. On the loop's thread.
//
// A request is looked at when the answer before it is complete; what has been sent ahead waits in
// the buffer. A request that is refused before its body has been read is the last one, because
// nobody could say where the next one begins.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "http/request.h"
#include "http/response.h"
#include "io/clock.h"
#include "io/net.h"
#include "io/unsent.h"

namespace rstmdb::http {

/// What a connection asks of the door that it belongs to.
class Handler {
 public:
  virtual ~Handler() = default;
  /// A head has come and nothing of its body has been looked at. Gives how many bytes of body are
  /// taken, or the answer.
  virtual std::expected<size_t, Response> on_head(const Request& request) = 0;
  /// The request is whole. Answered by Connection::answer(), answer_encoded() or begin_stream(),
  /// inside this call or later.
  virtual void on_request(const Request& request, std::string_view body) = 0;
  /// The answer to what is no request.
  virtual Response refuse(const Refusal& refusal) = 0;
  /// The network takes bytes again, after it did not take all.
  virtual void on_room() {}
  /// The connection is over; it may be destroyed soon, not inside this call.
  virtual void on_ended() = 0;
};

class Connection final : private io::StreamEvents {
 public:
  struct Timeouts {
    int64_t idle_ms;    // between two requests
    int64_t head_ms;    // to the first request, and from a head's first byte to its last
    int64_t body_ms;    // from when the head is looked at to the whole body
    int64_t stall_ms;   // the peer takes nothing of an answer
    int64_t stream_ms;  // ... of one that goes on
  };
  struct Options {
    Handler& handler;
    io::Clock& clock;
    DateLine& date;
    std::unique_ptr<io::Stream> stream;
    Timeouts timeouts;
  };
  explicit Connection(Options options);

  void start() { stream_->start(*this); }
  /// Ends what takes too long. The door calls it every second.
  void check_timeouts(int64_t now_ms);

  // ---- the answer to the request under way

  void answer(const Response& response);
  /// The same in two steps: the bytes, to be kept as long as they must wait, ...
  void encode(std::string& out, const Response& response);
  /// ... and what has been encoded, which is taken out of `bytes`.
  void answer_encoded(std::string& bytes);
  /// The answer goes on and on: its head, `bytes` being encoded with Extent::kChunks. More is put
  /// into output() and sent by send().
  void encode_stream(std::string& out, const Response& response);
  void begin_stream(std::string& bytes);
  std::string& output() { return output_; }
  /// Makes room in output() for `more` bytes; the memory stays within `enough` while what is unsent
  /// does.
  void make_room(size_t more, size_t enough) { io::make_room(output_, sent_, more, enough); }
  size_t unsent_bytes() const { return output_.size() - sent_; }
  /// Gives the network what it takes. Whether that was all.
  bool send();
  /// `last` is what is sent before the end, within a second.
  void end_stream(std::string_view last);
  bool streams() const { return phase_ == Phase::kStreaming; }

  /// After the answer under way, or at once, nothing more is read.
  void close_after_answer() { last_ = true; }
  void drain();
  void close_now();

  bool ended() const { return phase_ == Phase::kEnded; }
  const io::Stream& stream() const { return *stream_; }
  const std::string& peer() const { return stream_->peer(); }
  /// When the last bytes arrived, by the steady clock.
  int64_t arrived_ns() const { return arrived_ns_; }
  /// When something was last given to the network.
  int64_t sent_ms() const { return sent_ms_; }

 private:
  std::span<char> read_buffer() override;
  void on_read(size_t size) override;
  void on_writable() override;
  void on_closed(const Error& reason) override;

  void go_on();
  bool read_head();
  bool read_body();
  void take_head(const Request& request);
  void hand_over();
  void refuse(const Refusal& refusal);
  void finish_answer();
  After after() const;
  Body body_form() const;
  void drop_input(size_t size);
  bool wants_input() const;
  void end(io::Stream::Close how);
  const char* overdue(int64_t now_ms) const;
  int64_t now_ms() const;
  size_t unread() const { return input_end_ - input_begin_; }

  Handler& handler_;
  io::Clock& clock_;
  DateLine& date_;
  std::unique_ptr<io::Stream> stream_;
  const Timeouts timeouts_;
  RequestReader requests_;
  const Request* request_ = nullptr;  // under way

  std::string input_;
  size_t input_begin_ = 0;  // of what has not been read
  size_t input_end_ = 0;
  std::string output_;
  size_t sent_ = 0;

  // kClosing: what is in output_ is the last.
  enum class Phase : uint8_t { kHead, kBody, kAnswering, kStreaming, kClosing, kEnded };
  Phase phase_ = Phase::kHead;
  bool had_request_ = false;
  bool last_ = false;   // the answer under way is the last
  bool going_ = false;  // inside go_on()
  bool write_blocked_ = false;
  bool paused_ = false;       // the stream waits for resume_reading()
  bool input_ended_ = false;  // the peer has closed its sending side
  int64_t arrived_ns_;
  int64_t sent_ms_;
  int64_t since_ms_;        // when the phase, or within kHead the head's first byte, began
  int64_t blocked_ms_ = 0;  // since when the peer takes nothing
  int64_t cut_at_ms_ = 0;   // when the connection is cut though not all is sent; 0: never
};

}  // namespace rstmdb::http
