// The answer of a call that is still under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "rstmdb/result.h"

namespace rstmdb::client {

/// Shared by a Future and the call that fills it. Not for use outside the library.
template <class T>
class Promise {
 public:
  using Callback = std::function<void(const Result<T>&)>;

  /// The first result counts; gives false for a later one.
  bool set(Result<T> result) {
    Callback callback;
    {
      const std::lock_guard lock(mutex_);
      if (result_) return false;
      result_.emplace(std::move(result));
      callback = std::move(callback_);
      ready_.notify_all();
    }
    if (callback) callback(*result_);
    return true;
  }
  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
  }
  /// The result never changes once it is there, so the reference stays good as long as the promise.
  const Result<T>& wait() const {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return result_.has_value(); });
    return *result_;
  }
  bool wait_for(std::chrono::milliseconds time) const {
    std::unique_lock lock(mutex_);
    return ready_.wait_for(lock, time, [this] { return result_.has_value(); });
  }
  void on_ready(Callback callback) {
    {
      const std::lock_guard lock(mutex_);
      if (!result_) {
        callback_ = std::move(callback);
        return;
      }
    }
    callback(*result_);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable ready_;
  std::optional<Result<T>> result_;
  Callback callback_;
};

/// What the *_async calls give. It is always filled in the end: every call has a timeout. Dropping
/// it does not cancel the call.
template <class T>
class [[nodiscard]] Future {
 public:
  explicit Future(std::shared_ptr<Promise<T>> promise) : promise_(std::move(promise)) {}

  /// Waits for the answer. May be called again.
  Result<T> get() const { return promise_->wait(); }
  bool ready() const { return promise_->is_set(); }
  /// Waits for at most `time`; whether the answer is there.
  bool wait_for(std::chrono::milliseconds time) const { return promise_->wait_for(time); }
  /// Calls `callback` once with the answer: at once if it is there, else on the thread that brings
  /// it, which serves the whole connection: do not block it and do not wait for other calls in it.
  /// A second callback replaces the first.
  void on_ready(typename Promise<T>::Callback callback) { promise_->on_ready(std::move(callback)); }

 private:
  std::shared_ptr<Promise<T>> promise_;
};

}  // namespace rstmdb::client
