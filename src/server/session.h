// One connection: bytes in, frames, requests, answers and notifications, bytes out. On the loop's
// thread.
//
// Requests are carried out in the order in which they arrive; answers leave when what they show is
// durable, so a read may overtake a write. Reading pauses while too much waits to be sent or to
// become durable: a client that does not read slows down nobody but itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/context.h"
#include "api/promises.h"
#include "api/request_times.h"
#include "io/net.h"
#include "node/release_gate.h"
#include "server/read_ahead.h"
#include "server/stats.h"
#include "server/stretch_reader.h"
#include "watch/watcher.h"
#include "wire/frame.h"

namespace rstmdb::server {

class Session;

/// What a session needs of its server.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// Bytes have arrived. The owner calls the session's handle_arrived() soon, after those of all
  /// sessions that are ready now have arrived too; until then the session reads nothing more.
  virtual void on_arrived(Session& session) = 0;
  /// The session is over; it is destroyed soon, not inside this call.
  virtual void on_ended(Session& session) = 0;
  /// An empty buffer that a session takes for notifications and gives back when they are sent: it
  /// stays in the cache from one connection to the next, and those without anything to send need
  /// none.
  virtual std::string& spare_output() = 0;
};

class Session final : private io::StreamEvents,
                      private node::Outbox::Listener,
                      private watch::Watcher {
 public:
  /// kServe, or kRefuse: answer the first bytes with RATE_LIMITED in their own dialect and close.
  enum class Welcome { kServe, kRefuse };
  struct Options {
    node::Node& node;
    const api::ServerFacts& facts;
    api::GuessLimits& guesses;
    SessionOwner& owner;
    ReadAheads& aheads;
    StretchReader& stretches;
    Stats& stats;
    std::unique_ptr<io::Stream> stream;
    uint64_t number = 0;  // among its server's connections
    Welcome welcome;
    int64_t idle_timeout_ms;
  };
  explicit Session(Options options);
  ~Session() override;

  void start();
  /// Reads the first request of what has arrived, without carrying it out, and writes the id of the
  /// instance that it names, if any, to the front of `ids`; says how many. It lives until
  /// handle_arrived(), which is to follow. (What is pipelined behind it is read ahead by then.)
  size_t look_ahead(std::span<std::string_view> ids);
  /// Offers what has arrived to be read by another thread, if it is long enough for that. It is
  /// handle_arrived() that uses it.
  void offer_stretches();
  /// Carries out what has arrived, and reads on.
  void handle_arrived();
  /// Closes what has been quiet or half-way for too long. The server calls it every second.
  void check_timeouts(int64_t now_ms);
  /// Ends the session when its credential has expired by now. The server calls it every second.
  void check_expiry(int64_t wall_ms);
  /// Whether what the caller has shown counts among the credentials as they are now; ends the
  /// session if not. After a reload.
  bool check_credential();
  /// No more requests are read; the session ends as soon as all its answers have left.
  void drain();
  void close_now();

  uint64_t number() const { return number_; }
  const std::string& peer() const { return stream_->peer(); }
  bool refused() const { return welcome_ == Welcome::kRefuse; }

 private:
  std::span<char> read_buffer() override;
  void on_read(size_t size) override;
  void on_writable() override;
  void on_closed(const Error& reason) override;
  void on_released() override;
  void on_withdrawn(std::string_view answers, const Error& error) override;
  bool make_room() override;
  void deliver(const watch::Notification& notification) override;
  void push() override;
  void flush() override;
  void on_lost(const Error& error) override;

  void adopt_certificate();
  bool settled() const;
  void handle_input();
  bool handle_next();
  bool handle_read(ReadAhead& ahead);
  void prefetch(const ReadAhead& ahead);
  bool handle_frame(ReadAhead::Entry& entry);
  void handle_request(const wire::Request& request, const api::OperationRow* row);
  void answer_unreadable(std::string_view id, const Error& error);
  void refuse_stream(const Error& error);
  void end_for(const Error& error);
  bool handshake_done() const { return had_request_ && caller_.authenticated(); }
  void answer_error(std::string_view id, const Error& error, uint64_t depends_on);
  void count_error(const Error& error) { ++stats_.errors[static_cast<size_t>(error.code())]; }
  void seal(size_t operation, uint64_t depends_on);
  void keep_promise(const api::Promises::Promised& promised, Result<api::Later::Members> members);
  void after_answer();
  void switch_when_quiet();
  void write_ready();
  void send();
  void drop_input(size_t bytes);
  bool must_pause() const;
  bool nothing_left() const;
  void begin_closing();
  void end_when_sent();
  void end(io::Stream::Close how);
  wire::Dialect dialect() const { return frames_.dialect().value_or(wire::Dialect::kRcpx); }

  node::Node& node_;
  const api::ServerFacts& facts_;
  api::GuessLimits& guesses_;
  SessionOwner& owner_;
  ReadAheads& aheads_;
  StretchReader& stretches_;
  Stats& stats_;
  std::unique_ptr<io::Stream> stream_;
  const uint64_t number_;
  const Welcome welcome_;
  const int64_t idle_timeout_ms_;

  wire::FrameReader frames_;
  api::Caller caller_;
  node::Outbox outbox_;
  api::RequestTimes times_;
  api::Promises promises_;

  std::vector<char> input_;
  size_t input_begin_ = 0;  // of what has not been handled
  size_t input_end_ = 0;

  enum class Phase { kOpen, kClosing, kEnded };  // kClosing: no more input, the rest is sent
  Phase phase_ = Phase::kOpen;
  bool arrived_ = false;              // the owner knows that something is to be handled
  std::unique_ptr<ReadAhead> ahead_;  // at the front of the input; null: nothing has been read
  StretchReader::Offered offered_;    // to be read by another thread: the front of the input
  bool paused_ = false;     // nothing is read, perhaps not all handled, until send() has made room
  bool switching_ = false;  // to jsonl, once nothing waits in the old form
  bool input_ended_ = false;  // the peer has closed its sending side
  bool handling_ = false;     // inside handle_input: answers are gathered
  bool write_blocked_ = false;
  bool identity_known_ = false;      // what the stream has to say of the peer has been asked
  bool has_spare_ = false;           // ready() is the owner's spare buffer
  bool notifications_wait_ = false;  // the hub has been told that there is no room for more
  bool had_request_ = false;
  int requests_before_auth_ = 0;
  int64_t started_ms_;
  int64_t last_input_ms_;
  // Of the incomplete frame at the front of the input, or since the last pause; 0: none.
  int64_t frame_started_ms_ = 0;
  int64_t write_stalled_ms_ = 0;  // since when the peer takes nothing; 0: it does
  int64_t cut_at_ms_ = 0;         // when the connection is cut though not all is sent; 0: never
};

}  // namespace rstmdb::server
