#include "subscription_core.h"

#include <algorithm>
#include <utility>

#include "request.h"

namespace rstmdb::client {

/// The WATCH that opens the stream on one connection.
class SubscriptionCore::OpenCall final : public Call {
 public:
  OpenCall(SubscriptionCore& owner, std::string tail, TimePoint deadline)
      : Call(std::move(tail), Repeat::kNever, deadline), owner_(owner) {}

  void succeed(json::Value result) override {
    auto watching = decode_watching(result);
    if (watching.ok()) {
      owner_.opened(std::move(watching).value());
    } else {
      owner_.end(watching.error());
    }
  }
  void fail(Error error) override { owner_.not_opened(std::move(error)); }
  bool finished() const override { return false; }

 private:
  SubscriptionCore& owner_;  // its link, which holds this, ends first
};

SubscriptionCore::SubscriptionCore(std::shared_ptr<const Options> options, Watch watch)
    : options_(std::move(options)), watch_(std::move(watch)), link_(options_, this) {
  const auto first = [](const auto& w) {
    if (w.after_offset) return *w.after_offset + 1;
    return w.from_offset ? std::max<uint64_t>(*w.from_offset, 1) : 0;  // the first record is 1
  };
  next_offset_ = std::visit(first, watch_);
}

SubscriptionCore::~SubscriptionCore() { link_.close(); }

Result<std::shared_ptr<SubscriptionCore>> SubscriptionCore::open(
    std::shared_ptr<const Options> options, Watch watch, TimePoint deadline, std::stop_token stop) {
  const auto encoded = std::visit([](const auto& w) { return encode(w); }, watch);
  if (!encoded.ok()) return encoded.error();
  auto core = std::make_shared<SubscriptionCore>(std::move(options), std::move(watch));
  auto started = core->link_.start(Link::Begin::kConnect);
  if (!started.ok()) return started.error();
  std::unique_lock lock(core->mutex_);
  const auto answered = [&] { return core->first_.has_value() || core->ended_.has_value(); };
  core->changed_.wait_until(lock, stop, deadline, answered);
  std::optional<Error> failed = core->ended_;
  if (!answered()) {
    failed = stop.stop_requested()
                 ? Error(ErrorKind::kCancelled, "the caller has cancelled the call")
                 : Error(ErrorKind::kTimeout, "the subscription was not answered in time");
  }
  lock.unlock();
  if (failed) return *failed;
  return core;
}

CallPtr SubscriptionCore::open() {
  const std::lock_guard lock(mutex_);
  refused_.reset();
  if (first_) {
    const auto resume = [this](auto& w) {
      w.from_offset = next_offset_;
      w.after_offset.reset();
    };
    std::visit(resume, watch_);
  }
  auto encoded = std::visit([](const auto& w) { return encode(w); }, watch_);
  const TimePoint deadline = std::chrono::steady_clock::now() + options_->request_timeout;
  return std::make_shared<OpenCall>(*this, std::move(encoded).value().tail, deadline);
}

void SubscriptionCore::opened(Watching watching) {
  const std::lock_guard lock(mutex_);
  id_ = watching.subscription_id;
  if (!first_) {
    if (next_offset_ == 0) next_offset_ = watching.offset + 1;
    first_ = std::move(watching);
  }
  changed_.notify_all();
}

/// A lost connection is no end: the next one opens the stream again. Nor is "not now", or silence,
/// once the stream has begun; before that it is the answer that the program waits for.
void SubscriptionCore::not_opened(Error error) {
  if (error.kind() == ErrorKind::kConnection) return;
  {
    const std::lock_guard lock(mutex_);
    if (first_ && !is_final(error)) {
      refused_ = std::move(error);
      return;
    }
  }
  end(std::move(error));
}

std::optional<Error> SubscriptionCore::unusable() {
  const std::lock_guard lock(mutex_);
  return ended_ ? std::nullopt : refused_;
}

void SubscriptionCore::end(Error error) {
  const std::lock_guard lock(mutex_);
  if (!ended_) ended_ = std::move(error);
  changed_.notify_all();
}

void SubscriptionCore::on_end(const Error& error) { end(error); }

void SubscriptionCore::on_event(json::Value event) {
  auto notification = decode_notification(event);
  if (!notification.ok()) {
    end(notification.error());
    return;
  }
  const std::lock_guard lock(mutex_);
  if (notification->subscription_id != id_ || notification->wal_offset < next_offset_) return;
  next_offset_ = notification->wal_offset + 1;
  if (ended_) return;
  queue_.push_back(std::move(notification).value());
  changed_.notify_one();
}

bool SubscriptionCore::has_room() {
  const std::lock_guard lock(mutex_);
  return queue_.size() < kQueuedMax;
}

bool SubscriptionCore::has_ended() {
  const std::lock_guard lock(mutex_);
  return ended_.has_value();
}

Result<std::optional<Notification>> SubscriptionCore::next(std::chrono::milliseconds timeout,
                                                           std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !queue_.empty() || ended_.has_value(); };
  changed_.wait_for(lock, std::move(stop), timeout, something);
  if (queue_.empty()) {
    if (ended_) return *ended_;
    return std::optional<Notification>();
  }
  std::optional<Notification> taken(std::move(queue_.front()));
  queue_.pop_front();
  last_taken_ = taken->wal_offset;
  const bool reading_again = queue_.size() + 1 == kQueuedMax;
  lock.unlock();
  if (reading_again) link_.wake();
  return taken;
}

Result<void> SubscriptionCore::close() {
  bool has_ended = false;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return {};
    has_ended = ended_.has_value();
    if (!has_ended) {
      ended_ = Error(ErrorKind::kCancelled, "the subscription was closed");
      queue_.clear();
      changed_.notify_all();
    }
  }
  if (has_ended) {  // there is nothing to UNWATCH, but there may be a connection
    link_.close();
    return {};
  }
  link_.wake();
  const TimePoint deadline = std::chrono::steady_clock::now() + options_->request_timeout;
  auto request = encode_unwatch(id());
  auto call = TypedCall<void>::make(std::move(request).value().tail, Repeat::kNever, deadline,
                                    decode_nothing, std::stop_token());
  const Future<void> answered = call->future();
  link_.submit(std::move(call), Link::Send::kNowOrNever);
  auto result = answered.get();
  link_.close();
  // Without its connection the subscription has ended as well.
  if (!result.ok() && result.error().kind() == ErrorKind::kConnection) return {};
  return result;
}

std::string SubscriptionCore::id() const {
  const std::lock_guard lock(mutex_);
  return id_;
}
uint64_t SubscriptionCore::start_offset() const {
  const std::lock_guard lock(mutex_);
  return first_ ? first_->offset : 0;
}
std::string SubscriptionCore::start_state() const {
  const std::lock_guard lock(mutex_);
  return first_ ? first_->state : std::string();
}
bool SubscriptionCore::start_deleted() const {
  const std::lock_guard lock(mutex_);
  return first_ && first_->deleted;
}
uint64_t SubscriptionCore::last_offset() const {
  const std::lock_guard lock(mutex_);
  return last_taken_;
}

// ---- the public face ----------------------------------------------------------------------------

Subscription::Subscription(std::shared_ptr<SubscriptionCore> core) : core_(std::move(core)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

Result<std::optional<Notification>> Subscription::next(std::chrono::milliseconds timeout,
                                                       std::stop_token stop) {
  return core_->next(timeout, std::move(stop));
}
std::string Subscription::id() const { return core_->id(); }
uint64_t Subscription::start_offset() const { return core_->start_offset(); }
std::string Subscription::start_state() const { return core_->start_state(); }
bool Subscription::start_deleted() const { return core_->start_deleted(); }
uint64_t Subscription::last_offset() const { return core_->last_offset(); }
Result<void> Subscription::close() { return core_->close(); }

}  // namespace rstmdb::client
