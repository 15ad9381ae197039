// The part of Link that only its own thread runs.
#include <poll.h>

#include <charconv>

#include "answer.h"
#include "backoff.h"
#include "link.h"

namespace rstmdb::client {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 16;

TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

void Link::run() {
  while (await_work()) {
    if (!connect()) continue;
    lose(serve());
  }
  finish_all();
}

/// Waits until a connection is wanted; false when the link is closing.
bool Link::await_work() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return false;
      if (session_ || !queue_.empty()) return true;
      if (stream_ != nullptr && options_->reconnect.enabled && !stream_->has_ended()) return true;
    }
    poll_once(-1, 0, TimePoint::max());
    failures_ = 0;  // nobody has waited: the next call need not pay for old failures
  }
}

/// One attempt, after the wait that the failures before it ask for. True: the link is up.
bool Link::connect() {
  if (!session_) {
    if (failures_ > 0) {
      const double random = std::uniform_real_distribution<double>(0, 1)(random_);
      const TimePoint until = now() + backoff_delay(options_->reconnect, failures_, random);
      while (now() < until) {
        poll_once(-1, 0, until);
        const std::lock_guard lock(mutex_);
        if (closing_) return false;
      }
    }
    {
      const std::lock_guard lock(mutex_);
      state_ = State::kConnecting;
    }
    ++attempts_;
    auto session = open_session(*options_, now() + options_->connect_timeout, *this);
    if (!session.ok()) {
      attempt_failed(session.error());
      return false;
    }
    session_.emplace(std::move(session).value());
  }
  if (stream_ == nullptr) attempts_ = 0;
  unread_ = true;  // what came with the last answer of the handshake
  CallPtr opening = stream_ != nullptr ? stream_->open() : nullptr;
  const std::lock_guard lock(mutex_);
  state_ = State::kUp;
  transport_ = session_->transport;
  ++generation_;
  if (opening) {
    opening->id = ++last_id_;
    deadlines_.emplace(opening->deadline(), opening->id);
    opening->claim_sending();  // nobody cancels it
    write_call(*opening);
    sent_.emplace(opening->id, std::move(opening));
  }
  pump();
  return true;
}

void Link::attempt_failed(const Error& error) {
  ++failures_;
  {
    const std::lock_guard lock(mutex_);
    last_error_ = error;
    state_ = State::kDormant;
    if (closing_) return;
  }
  if (is_final(error) || !may_try_again()) give_up(error);
}

bool Link::may_try_again() const {
  const unsigned most = options_->reconnect.attempts;
  return options_->reconnect.enabled && (most == 0 || attempts_ < most);
}

/// Fails all that waits for a connection; the next call starts again.
void Link::give_up(const Error& error) {
  failures_ = 0;
  attempts_ = 0;
  fail_queue(error);
  if (stream_ != nullptr) stream_->on_end(error);
}

void Link::fail_queue(const Error& error) {
  std::map<uint64_t, CallPtr> failed;
  {
    const std::lock_guard lock(mutex_);
    failed.swap(queue_);
    for (const auto& [id, call] : failed) forget_deadline(*call);
  }
  for (const auto& [id, call] : failed) call->fail(error.with_maybe_applied(call->sends() > 0));
}

/// Works for the connection until it is lost (the error says why) or the link is closing.
Error Link::serve() {
  while (true) {
    if (stream_ != nullptr) {
      if (auto error = stream_->unusable()) return *error;
    }
    short events = 0;
    {
      std::unique_lock lock(mutex_);
      if (closing_) return Error(ErrorKind::kCancelled, "the client was closed");
      if (session_->transport->has_unsent() && !flushing_ && !write_error_) {
        // Ciphertext that is older than out_ goes first; a write of nothing sends it.
        auto sent = session_->transport->write({});
        if (!sent.ok()) write_error_ = sent.error();
      }
      pump();  // calls that have timed out have made room
      flush(lock);
      if (write_error_) {
        // What has come before the end counts: answers, and why it ends.
        const Error error = *write_error_;
        lock.unlock();
        auto broken = read_some();
        return broken && broken->kind() != ErrorKind::kConnection ? *broken : error;
      }
      const bool blocked = !flushing_ && (!out_.empty() || session_->transport->has_unsent());
      if (blocked) events |= POLLOUT;
    }
    const bool room = stream_ == nullptr || stream_->has_room();
    if (room) events |= POLLIN;
    // Frames that came with the handshake, or were left when a stream had no room.
    if (room && !session_->input.empty()) {
      if (auto broken = take_frames()) return *broken;
    }
    const bool more = unread_ && room;
    const short came =
        poll_once(session_->transport->fd(), events, more ? now() : TimePoint::max());
    const bool readable = more || (came & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (readable && (room || (came & POLLIN) == 0)) {
      if (auto broken = read_some()) return *broken;
    }
  }
}

std::optional<Error> Link::read_some() {
  chunk_.resize(kReadBytes);
  unread_ = false;
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    auto got = session_->transport->read(chunk_.data(), chunk_.size());
    if (!got.ok()) {
      // What came before the end is taken first: it may say why.
      auto broken = take_frames();
      return broken ? broken : got.error();
    }
    if (*got == 0) return std::nullopt;
    session_->input.append(chunk_.data(), *got);
    if (auto broken = take_frames()) return broken;
    if (stream_ != nullptr && !stream_->has_room()) break;
  }
  unread_ = true;  // there may be more: come back after the others had their turn
  return std::nullopt;
}

/// Takes the whole frames at the front of the input.
std::optional<Error> Link::take_frames() {
  std::string_view input = session_->input;
  std::optional<Error> broken;
  while (!broken && !input.empty()) {
    const auto frame = session_->frames.next(input);
    if (!frame.ok()) {
      broken = Error(ErrorKind::kProtocol, "from the server: " + frame.error().message());
      break;
    }
    if (!*frame) break;
    if (!(*frame)->payload.empty()) broken = take_message((*frame)->payload);
    input.remove_prefix((*frame)->size);
    if (stream_ != nullptr && !stream_->has_room()) break;
  }
  session_->input.erase(0, session_->input.size() - input.size());
  return broken;
}

std::optional<Error> Link::take_message(std::string_view payload) {
  trace(TraceEvent::kReceived, payload);
  const auto message = parse_message(document_, payload);
  if (!message.ok()) return message.error();
  const json::Value type = (*message)["type"];
  if (type.is_string() && type.string() == "event") {
    if (stream_ != nullptr) stream_->on_event(*message);
    failures_ = 0;
    return std::nullopt;
  }
  const auto answer = read_answer(*message);
  if (!answer.ok()) return answer.error();
  // An error without id is about the connection itself, which the server is closing.
  if (answer->id.empty()) return answer->error;
  if (!answer->error || is_final(*answer->error)) failures_ = 0;  // "not now" is no sign of health
  uint64_t id = 0;
  const char* const end = answer->id.data() + answer->id.size();
  if (std::from_chars(answer->id.data(), end, id).ptr != end) {
    return Error(ErrorKind::kProtocol, "an answer to a request that was not made");
  }
  CallPtr call;
  {
    const std::lock_guard lock(mutex_);
    auto node = sent_.extract(id);
    if (node) {
      call = std::move(node.mapped());
      forget_deadline(*call);
    } else if (id == 0 || id > last_id_) {
      return Error(ErrorKind::kProtocol, "an answer to a request that was not made");
    }
    if (!queue_.empty()) pump();
  }
  if (!call) return std::nullopt;  // it has timed out before
  if (answer->error) {
    // Refused now, it may have taken effect when it was sent before.
    call->fail(call->sends() > 1 ? answer->error->with_maybe_applied(true) : *answer->error);
  } else {
    attempts_ = 0;  // a stream has been opened
    call->succeed(answer->result);
  }
  return std::nullopt;
}

/// The connection is gone: calls that may be sent again go back to the queue, the others fail.
void Link::lose(const Error& error) {
  session_.reset();
  ++failures_;
  const bool given_up = !may_try_again();  // of a stream: also when this was to be its last attempt
  const bool again = !given_up && !is_final(error);
  std::vector<CallPtr> failed;
  bool closing = false;
  {
    const std::lock_guard lock(mutex_);
    closing = closing_;
    state_ = State::kDormant;
    transport_.reset();
    ++generation_;
    out_.clear();
    flushing_ = false;
    write_error_.reset();
    last_error_ = error;
    for (auto& [id, call] : sent_) {
      const bool repeat = again && call->repeat() == Repeat::kAllowed && call->sends() < kSendsMax;
      if (repeat) {
        queue_.emplace(id, call);
      } else {
        forget_deadline(*call);
        failed.push_back(call);
      }
    }
    sent_.clear();
  }
  if (closing) {
    // finish_all() tells those in the queue; these were under way.
    for (const CallPtr& call : failed) call->fail(error.with_maybe_applied(true));
    return;
  }
  trace(TraceEvent::kLost, error.to_string());
  for (const CallPtr& call : failed) call->fail(error.with_maybe_applied(true));
  if (given_up) {
    give_up(error);
  } else if (!again && stream_ != nullptr) {
    stream_->on_end(error);
  }
}

void Link::finish_all() {
  session_.reset();
  fail_queue(Error(ErrorKind::kCancelled, "the client was closed"));
  if (stream_ != nullptr) stream_->on_end(Error(ErrorKind::kCancelled, "the client was closed"));
}

}  // namespace rstmdb::client
