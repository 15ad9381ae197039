// One request on its way: what to send, until when, and what to do with the answer.
#pragma once

#include <atomic>
#include <cstdint>
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

  // Owned by the Link that the call was given to, under its lock.
  uint64_t id = 0;
  std::atomic<unsigned> sends = 0;  // read by anyone

 private:
  std::string tail_;
  Repeat repeat_;
  TimePoint deadline_;
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
      call->fail(Error(ErrorKind::kCancelled, "the caller has cancelled the call")
                     .with_maybe_applied(call->sends > 0));
    }
  };
  Decode decode_;
  std::shared_ptr<Promise<T>> promise_;
  std::optional<std::stop_callback<OnStop>> stopped_;  // last: gone before what it uses
};

}  // namespace rstmdb::client
