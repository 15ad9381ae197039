#include "link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace rstmdb::client {
namespace {

TimePoint now() { return std::chrono::steady_clock::now(); }

Error closed_error() { return Error(ErrorKind::kCancelled, "the client was closed"); }

}  // namespace

Link::Link(std::shared_ptr<const Options> options, Stream* stream)
    : options_(std::move(options)),
      stream_(stream),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Link::~Link() { close(); }

Result<void> Link::start(Begin begin) {
  if (begin == Begin::kDormant) {
    thread_ = std::thread([this] { run(); });
    return {};
  }
  // The thread is not there yet, so this one may act for it.
  auto session = open_session(*options_, now() + options_->connect_timeout, *this);
  if (!session.ok()) return session.error();
  session_.emplace(std::move(session).value());
  thread_ = std::thread([this] { run(); });
  return {};
}

void Link::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    wake_locked();
  }
  const std::lock_guard joining(joining_);
  if (thread_.joinable()) thread_.join();
}

void Link::wake() {
  const std::lock_guard lock(mutex_);
  wake_locked();
}

void Link::wake_locked() {
  if (wake_pending_) return;
  wake_pending_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Link::trace(TraceEvent event, std::string_view text) const {
  if (options_->trace) options_->trace(event, text);
}

// ---- calls --------------------------------------------------------------------------------------

void Link::submit(CallPtr call, Send send) {
  std::optional<Error> refusal;
  {
    std::unique_lock lock(mutex_);
    if (call->finished()) return;
    const bool up = state_ == State::kUp;
    if (closing_) {
      refusal = closed_error();
    } else if (!up && !options_->reconnect.enabled && last_error_) {
      refusal = *last_error_;
    } else if (!up && send == Send::kNowOrNever) {
      refusal = connection_error(*options_, "closed", "there is no connection");
    } else if (!up && queue_.size() >= options_->offline_queue_max) {
      refusal = connection_error(*options_, "queue", "too many calls wait for a connection");
    } else {
      call->id = ++last_id_;
      deadlines_.emplace(call->deadline(), call->id);
      queue_.emplace(call->id, std::move(call));
      if (up) pump();
      if (up && send != Send::kSoon) flush(lock);
      const bool thread_has_work = !up || write_error_ || (!out_.empty() && !flushing_) ||
                                   (transport_ && transport_->has_unsent());
      const bool earlier = !deadlines_.empty() && deadlines_.begin()->first < wakes_at_;
      if (thread_has_work || earlier) wake_locked();
    }
  }
  if (refusal) call->fail(*refusal);
}

void Link::forget_deadline(const Call& call) { deadlines_.erase({call.deadline(), call.id}); }

/// Moves calls from the queue to the wire while there is room in flight.
void Link::pump() {
  while (!queue_.empty() && sent_.size() < kInFlightMax && out_.size() < kUnsentBytesMax) {
    auto node = queue_.extract(queue_.begin());
    if (node.mapped()->finished() || !node.mapped()->claim_sending()) {
      forget_deadline(*node.mapped());
      dropped_.push_back(std::move(node.mapped()));
      continue;
    }
    write_call(*node.mapped());
    sent_.insert(std::move(node));
  }
}

void Link::write_call(const Call& call) {
  const wire::Dialect dialect = dialect_of(options_->wire);
  const size_t start = wire::begin_frame(out_, dialect);
  const size_t payload = out_.size();
  out_ += R"({"type":"request","id":")";
  out_ += std::to_string(call.id);
  out_ += "\",";
  out_ += call.tail();
  if (options_->trace) trace(TraceEvent::kSent, std::string_view(out_).substr(payload));
  wire::end_frame(out_, dialect, start);
}

/// Hands out_ to the transport, by whichever thread is here first; the lock is open meanwhile.
void Link::flush(std::unique_lock<std::mutex>& lock) {
  while (transport_ && !flushing_ && !write_error_ && !out_.empty()) {
    flushing_ = true;
    std::string bytes;
    bytes.swap(out_);
    const std::shared_ptr<Transport> transport = transport_;
    const uint64_t generation = generation_;
    lock.unlock();
    auto written = transport->write(bytes);
    lock.lock();
    if (generation != generation_) return;  // lost meanwhile: these bytes are nobody's now
    flushing_ = false;
    if (!written.ok()) {
      write_error_ = written.error();
      return;
    }
    if (*written < bytes.size()) {  // the peer does not read: the rest is for the link's thread
      bytes.erase(0, *written);
      bytes += out_;
      out_.swap(bytes);
      return;
    }
    pump();
  }
}

/// Fails what has run out of time.
void Link::expire() {
  std::vector<CallPtr> dropped;
  std::vector<std::pair<CallPtr, Error>> late;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(dropped_);
    const TimePoint current = now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= current) {
      const uint64_t id = deadlines_.begin()->second;
      deadlines_.erase(deadlines_.begin());
      const auto waiting = queue_.find(id);
      auto& place = waiting != queue_.end() ? queue_ : sent_;
      auto node = place.extract(id);
      if (!node) continue;
      const bool was_sent = node.mapped()->sends() > 0;
      std::string why = was_sent ? "no answer in time" : "not sent in time";
      if (state_ != State::kUp && last_error_) why += "; last: " + last_error_->message();
      late.emplace_back(node.mapped(),
                        Error(ErrorKind::kTimeout, std::move(why)).with_maybe_applied(was_sent));
    }
  }
  for (auto& [call, error] : late) call->fail(std::move(error));
}

// ---- waiting ------------------------------------------------------------------------------------

short Link::poll_once(int fd, short events, TimePoint deadline) {
  expire();
  {
    const std::lock_guard lock(mutex_);
    if (!deadlines_.empty()) deadline = std::min(deadline, deadlines_.begin()->first);
    wakes_at_ = deadline;
  }
  int timeout_ms = -1;
  if (deadline != TimePoint::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
    timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
  }
  pollfd polled[2] = {{wake_.get(), POLLIN, 0}, {fd, events, 0}};
  ::poll(polled, fd >= 0 ? 2 : 1, timeout_ms);
  {
    const std::lock_guard lock(mutex_);
    if ((polled[0].revents & POLLIN) != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
      wake_pending_ = false;
    }
    wakes_at_ = TimePoint::min();  // awake: nobody needs to wake us for a deadline
  }
  expire();
  return fd >= 0 ? polled[1].revents : short{0};
}

Result<void> Link::await(int fd, short events, TimePoint deadline) {
  while (true) {
    const short came = poll_once(fd, events, deadline);
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return closed_error();
    }
    if (came != 0) return {};
    if (now() >= deadline)
      return connection_error(*options_, "timeout", "connecting took too long");
  }
}

}  // namespace rstmdb::client
