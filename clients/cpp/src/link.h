// One connection of the pool, for its whole life: connecting, connecting again, and the calls that
// travel on it.
//
//   dormant --call--> connecting --HELLO--> up --lost--> connecting (calls to repeat) or dormant
//
// A call is in exactly one place: `queue_` (not sent on the present connection) or `sent_`. Both
// are ordered by id, and ids grow in the order of submit(), so calls go out in the order they came,
// also those that are sent again.
//
// Threads: the link's own thread connects, reads, and serves timeouts. A caller that will wait for
// its answer writes its own request (no hand-over); one that will not leaves the bytes to the
// link's thread, so that many requests become one write. `flushing_` sees to it that one thread
// writes at a time.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "call.h"
#include "hello.h"

namespace rstmdb::client {

/// What a link with a subscription does beyond its calls. Called on the link's thread, without its
/// lock; has_room() and has_ended() also with it.
class Stream {
 public:
  virtual ~Stream() = default;
  /// The request that opens the stream, sent first on every connection.
  virtual CallPtr open() = 0;
  virtual void on_event(json::Value event) = 0;
  /// False = stop reading the connection until Link::wake().
  virtual bool has_room() = 0;
  /// True = a lost connection need not be replaced.
  virtual bool has_ended() = 0;
  /// Why the stream needs another connection than this one; nothing while it is good.
  virtual std::optional<Error> unusable() = 0;
  /// The link has given up.
  virtual void on_end(const Error& error) = 0;
};

/// An error that another attempt would only meet again.
inline bool is_final(const Error& error) {
  return error.kind() == ErrorKind::kArgument ||
         (error.kind() == ErrorKind::kServer && !error.retryable());
}

class Link final : private Waiter {
 public:
  /// When the bytes of a call go out: kNow by the caller itself, kSoon by the link's thread. With
  /// kNowOrNever the call fails with kConnection where the others would wait for a connection.
  enum class Send : uint8_t { kNow, kSoon, kNowOrNever };
  /// kConnect: start() makes one attempt and reports it. kDormant: connect with the first call.
  enum class Begin : uint8_t { kConnect, kDormant };

  /// `stream` may be null and must outlive the link.
  Link(std::shared_ptr<const Options> options, Stream* stream);
  ~Link() override;

  Result<void> start(Begin begin);
  /// Takes a call; its end comes through succeed() or fail(), possibly before this returns.
  void submit(CallPtr call, Send send);
  /// Makes the thread look again at whether its stream has room.
  void wake();
  /// Fails all calls with kCancelled and joins the thread. Several may do so at the same time; not
  /// from a callback.
  void close();

  /// Sent calls that have no answer yet, at most; more wait in the queue (the server answers
  /// RATE_LIMITED beyond its own bound, which is four times as much).
  static constexpr size_t kInFlightMax = 1024;
  /// With so many bytes that the peer does not take, calls wait in the queue, where those that time
  /// out leave nothing behind.
  static constexpr size_t kUnsentBytesMax = 1024 * 1024;
  /// How often one call is sent before the loss of its connection becomes its answer.
  static constexpr unsigned kSendsMax = 5;

 private:
  enum class State : uint8_t { kDormant, kConnecting, kUp };

  void run();
  bool await_work();
  bool connect();
  void attempt_failed(const Error& error);
  bool may_try_again() const;
  void give_up(const Error& error);
  Error serve();
  std::optional<Error> read_some();
  std::optional<Error> take_frames();
  std::optional<Error> take_message(std::string_view payload);
  void lose(const Error& error);
  void fail_queue(const Error& error);
  void finish_all();

  // With mutex_ held.
  void write_call(const Call& call);
  void pump();
  void flush(std::unique_lock<std::mutex>& lock);
  void wake_locked();
  void forget_deadline(const Call& call);

  Result<void> await(int fd, short events, TimePoint deadline) override;
  /// Polls once, serving timeouts before and after. `fd` may be -1. Gives the events that came.
  short poll_once(int fd, short events, TimePoint deadline);
  void expire();
  void trace(TraceEvent event, std::string_view text) const;

  const std::shared_ptr<const Options> options_;
  Stream* const stream_;
  Descriptor wake_;  // eventfd
  std::thread thread_;
  std::mutex joining_;  // held by who joins it

  // The link's thread alone.
  std::optional<Session> session_;
  std::string chunk_;    // what one read may fill
  bool unread_ = false;  // the transport may hold bytes that no poll of its socket announces
  json::Document document_;
  std::mt19937_64 random_{std::random_device{}()};
  unsigned failures_ = 0;  // losses and failed attempts since the last sign of life
  unsigned attempts_ = 0;  // since the last connection; a stream's is one when it has been opened

  std::mutex mutex_;  // guards everything below
  State state_ = State::kDormant;
  bool closing_ = false;
  uint64_t last_id_ = 0;
  std::map<uint64_t, CallPtr> queue_;
  std::map<uint64_t, CallPtr> sent_;
  /// Cancelled before they were sent. The thread lets go of them without the lock: what a program's
  /// callback holds ends with it, and may call the client.
  std::vector<CallPtr> dropped_;
  std::set<std::pair<TimePoint, uint64_t>> deadlines_;
  TimePoint wakes_at_ = TimePoint::max();  // when the thread's poll ends by itself
  bool wake_pending_ = false;
  std::shared_ptr<Transport> transport_;  // set while up
  std::string out_;                       // not yet given to the transport
  bool flushing_ = false;
  uint64_t generation_ = 0;  // of the connection
  std::optional<Error> write_error_;
  std::optional<Error> last_error_;  // of the latest attempt or loss
};

}  // namespace rstmdb::client
