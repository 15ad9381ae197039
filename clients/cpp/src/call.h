// One request on its way: what to send, until when, and what to do with the answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "json/document.h"
#include "rstmdb/future.h"
#include "rstmdb/options.h"
#include "transport.h"

namespace rstmdb::client {

/// Whether a call may be sent a second time after its connection was lost.
enum class Repeat : uint8_t { kNever, kAllowed };

/// succeed() and fail() are called on any thread; the first of them counts.
class Call {
 public:
  Call(std::string tail, Repeat repeat, TimePoint deadline)
      : tail_(std::move(tail)), repeat_(repeat), deadline_(deadline) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  virtual void succeed(json::Value result) = 0;
  virtual void fail(Error error) = 0;
  virtual bool finished() const = 0;

  /// The message after its id: `"op":"PING","params":{}}`.
  const std::string& tail() const { return tail_; }
  Repeat repeat() const { return repeat_; }
  TimePoint deadline() const { return deadline_; }

  // Sending and cancelling: the first of them decides what the other finds.

  /// By the Link, under its lock, each time before it sends the call. False: it has been cancelled,
  /// and the program is told that it was never sent.
  bool claim_sending() {
    unsigned before = 0;
    if (sends_.compare_exchange_strong(before, 1)) return true;
    if (before == kCancelled) return false;
    ++sends_;
    return true;
  }
  /// True = it has not been sent and never will be.
  bool claim_cancelling() {
    unsigned before = 0;
    return sends_.compare_exchange_strong(before, kCancelled);
  }
  /// How often it has been sent.
  unsigned sends() const {
    const unsigned count = sends_;
    return count == kCancelled ? 0 : count;
  }

  uint64_t id = 0;  // owned by the Link that the call was given to, under its lock

 private:
  static constexpr unsigned kCancelled = std::numeric_limits<unsigned>::max();

  std::string tail_;
  Repeat repeat_;
  TimePoint deadline_;
  std::atomic<unsigned> sends_ = 0;  // or kCancelled
};
using CallPtr = std::shared_ptr<Call>;

/// A call whose answer is read by `Decode` and put into a Promise<T>.
template <class T>
class TypedCall final : public Call {
 public:
  using Decode = std::function<Result<T>(json::Value)>;
  /// With `stop` requested already it has ended when this returns.
  static std::shared_ptr<TypedCall> make(std::string tail, Repeat repeat, TimePoint deadline,
                                         Decode decode, std::stop_token stop) {
    std::shared_ptr<TypedCall> call(
        new TypedCall(std::move(tail), repeat, deadline, std::move(decode)));
    if (stop.stop_possible()) call->stopped_.emplace(std::move(stop), OnStop{call});
    return call;
  }

  void succeed(json::Value result) override { promise_->set(decode_(result)); }
  void fail(Error error) override { promise_->set(std::move(error)); }
  bool finished() const override { return promise_->is_set(); }
  Future<T> future() const { return Future<T>(promise_); }

 private:
  TypedCall(std::string tail, Repeat repeat, TimePoint deadline, Decode decode)
      : Call(std::move(tail), repeat, deadline),
        decode_(std::move(decode)),
        promise_(std::make_shared<Promise<T>>()) {}

  /// Holds the call while its callback runs, so that the thread that has requested the stop is the
  /// last to let go of it: on any other the end of a stop_callback waits for the callback, and the
  /// link's thread would wait for a program that may be waiting for the link.
  struct OnStop {
    std::weak_ptr<TypedCall> held;
    void operator()() const {
      const std::shared_ptr<TypedCall> call = held.lock();
      if (!call) return;
      const bool never_sent = call->claim_cancelling();
      call->fail(Error(ErrorKind::kCancelled, "the caller has cancelled the call")
                     .with_maybe_applied(!never_sent));
    }
  };
  Decode decode_;
  std::shared_ptr<Promise<T>> promise_;
  std::optional<std::stop_callback<OnStop>> stopped_;  // last: gone before what it uses
};

}  // namespace rstmdb::client
