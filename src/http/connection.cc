#include "http/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/logging.h"
#include "io/unsent.h"

namespace rstmdb::http {
namespace {

constexpr size_t kInputBytesFirst = 2 * 1024;
// One byte more than a head may have, so that one that is too long is seen to be.
constexpr size_t kInputBytesMax = limits::kHttpHeadBytesMax + 1;
constexpr size_t kInputBytesOfBody = 64 * 1024;
constexpr size_t kOutputBytesKept = 256 * 1024;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(Options options)
    : handler_(options.handler),
      clock_(options.clock),
      date_(options.date),
      stream_(std::move(options.stream)),
      timeouts_(options.timeouts),
      arrived_ns_(clock_.steady_ns()),
      sent_ms_(arrived_ns_ / kNsPerMs),
      since_ms_(sent_ms_) {}

int64_t Connection::now_ms() const { return clock_.steady_ns() / kNsPerMs; }

// ---- input

/// An answer under way does not stop the reading, so that the end of the peer is noticed.
bool Connection::wants_input() const {
  if (phase_ == Phase::kClosing || phase_ == Phase::kEnded || input_ended_) return false;
  if (phase_ == Phase::kStreaming) return true;
  return !write_blocked_ && unread() < kInputBytesMax;
}

std::span<char> Connection::read_buffer() {
  if (!wants_input()) {
    paused_ = true;
    return {};
  }
  if (input_begin_ > 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, unread());
    input_end_ -= std::exchange(input_begin_, 0);
  }
  const size_t most = phase_ == Phase::kBody ? kInputBytesOfBody : kInputBytesMax;
  if (input_end_ == 0 && input_.size() > most) std::string().swap(input_);
  if (input_end_ == input_.size())
    input_.resize(std::clamp(input_.size() * 2, kInputBytesFirst, most));
  return {input_.data() + input_end_, input_.size() - input_end_};
}

void Connection::on_read(size_t size) {
  arrived_ns_ = clock_.steady_ns();
  // Nothing that comes behind the request for a stream is ever answered.
  if (phase_ == Phase::kStreaming) return;
  if (phase_ == Phase::kHead && unread() == 0) since_ms_ = arrived_ns_ / kNsPerMs;
  input_end_ += size;
  go_on();
}

/// Leaves what has been read where it is: the next bytes may be on their way to the place behind it
/// already, which read_buffer() alone changes.
void Connection::drop_input(size_t size) { input_begin_ += size; }

/// Sends what there is, answers what has been asked, and so on until there is nothing to do.
void Connection::go_on() {
  if (std::exchange(going_, true)) return;
  while (phase_ != Phase::kEnded && send()) {
    if (phase_ == Phase::kClosing) {
      end(io::Stream::Close::kAfterSending);
    } else if (phase_ == Phase::kHead ? !read_head() : phase_ != Phase::kBody || !read_body()) {
      break;
    }
  }
  going_ = false;
  if (paused_ && wants_input()) {
    paused_ = false;
    stream_->resume_reading();
  }
}

/// Whether there is something to do at once.
bool Connection::read_head() {
  const auto request = requests_.next({input_.data() + input_begin_, unread()});
  if (!request) {
    refuse(request.error());
    return true;
  }
  if (*request == nullptr) {
    if (input_ended_) end(io::Stream::Close::kAfterSending);
    return false;
  }
  take_head(**request);
  return true;
}

void Connection::take_head(const Request& request) {
  request_ = &request;
  had_request_ = true;
  drop_input(request.size);
  last_ = !request.keep_alive || last_;
  const auto taken = handler_.on_head(request);
  if (phase_ == Phase::kEnded) return;
  if (!taken) {
    phase_ = Phase::kAnswering;
    last_ = last_ || request.body != Request::Body::kNone;
    return answer(taken.error());
  }
  if (const auto begun = requests_.begin_body(*taken); !begun) return refuse(begun.error());
  if (requests_.body().done()) return hand_over();
  phase_ = Phase::kBody;
  since_ms_ = now_ms();  // the head may have waited for the answer before it
  if (request.expects_continue && unread() == 0) output_.append(kContinue);
}

/// Whether there is something to do at once.
bool Connection::read_body() {
  const auto taken = requests_.body().take({input_.data() + input_begin_, unread()});
  if (!taken) {
    refuse(taken.error());
    return true;
  }
  drop_input(*taken);
  if (requests_.body().done()) {
    hand_over();
    return true;
  }
  if (input_ended_) end(io::Stream::Close::kAfterSending);
  return false;
}

void Connection::hand_over() {
  phase_ = Phase::kAnswering;
  handler_.on_request(*request_, requests_.body().bytes());
  requests_.body().drop();
}

// ---- output

After Connection::after() const {
  if (last_) return After::kClose;
  return request_->http_1_0 ? After::kKeepAloud : After::kKeep;
}

Body Connection::body_form() const {
  return request_->method == "HEAD" ? Body::kHeadOnly : Body::kWithBody;
}

void Connection::encode(std::string& out, const Response& response) {
  append_response(out, response, body_form(), after(), date_.at(clock_.wall_ms()));
}

void Connection::encode_stream(std::string& out, const Response& response) {
  append_response(out, response, body_form(), After::kClose, date_.at(clock_.wall_ms()),
                  Extent::kChunks);
}

void Connection::answer(const Response& response) {
  if (phase_ == Phase::kEnded) return;
  encode(output_, response);
  finish_answer();
}

void Connection::answer_encoded(std::string& bytes) {
  if (phase_ == Phase::kEnded) return;
  if (output_.empty()) {
    output_.swap(bytes);
  } else {
    output_.append(bytes);
  }
  bytes.clear();
  finish_answer();
}

void Connection::finish_answer() {
  RSTMDB_CHECK(phase_ == Phase::kAnswering, "an answer to no request");
  request_ = nullptr;
  phase_ = last_ ? Phase::kClosing : Phase::kHead;
  since_ms_ = now_ms();
  go_on();
}

void Connection::begin_stream(std::string& bytes) {
  if (phase_ == Phase::kEnded) return;
  RSTMDB_CHECK(phase_ == Phase::kAnswering, "a stream for no request");
  output_.append(bytes);
  bytes.clear();
  phase_ = Phase::kStreaming;
  input_begin_ = input_end_;
  // Nobody would tell us any more that the peer is gone.
  if (input_ended_) return end(io::Stream::Close::kAfterSending);
  go_on();
}

void Connection::end_stream(std::string_view last) {
  if (phase_ != Phase::kStreaming) return;
  output_.append(last).append(kLastChunk);
  phase_ = Phase::kClosing;
  cut_at_ms_ = now_ms() + limits::kRevokedCutMs;
  go_on();
}

void Connection::refuse(const Refusal& refused) {
  phase_ = Phase::kClosing;
  since_ms_ = now_ms();
  const Body form = request_ == nullptr ? Body::kWithBody : body_form();
  append_response(output_, handler_.refuse(refused), form, After::kClose,
                  date_.at(clock_.wall_ms()));
}

bool Connection::send() {
  if (write_blocked_) return false;
  if (output_.empty()) return true;
  io::drop_sent(output_, sent_, stream_->write(std::string_view(output_).substr(sent_)));
  sent_ms_ = now_ms();
  if (!output_.empty()) {
    write_blocked_ = true;
    blocked_ms_ = sent_ms_;
    return false;
  }
  if (output_.capacity() > kOutputBytesKept) std::string().swap(output_);
  return true;
}

void Connection::on_writable() {
  write_blocked_ = false;
  go_on();
  if (phase_ != Phase::kEnded) handler_.on_room();
}

// ---- end

void Connection::on_closed(const Error& reason) {
  if (phase_ == Phase::kEnded) return;
  // After an orderly end the peer still gets the answer to what it has asked; a stream has no end
  // to wait for.
  input_ended_ = true;
  if (reason.detail("reason") == "end" && phase_ != Phase::kStreaming) return go_on();
  phase_ = Phase::kEnded;
  handler_.on_ended();
}

void Connection::end(io::Stream::Close how) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  stream_->close(how);
  handler_.on_ended();
}

void Connection::drain() {
  last_ = true;
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    phase_ = Phase::kClosing;
    go_on();
  }
}

void Connection::close_now() { end(io::Stream::Close::kReset); }

const char* Connection::overdue(int64_t now_ms) const {
  const auto late = [&](int64_t allowed_ms) { return now_ms - since_ms_ > allowed_ms; };
  if (write_blocked_) {
    const int64_t allowed_ms =
        phase_ == Phase::kStreaming ? timeouts_.stream_ms : timeouts_.stall_ms;
    return now_ms - blocked_ms_ > allowed_ms ? "the peer does not read its answer" : nullptr;
  }
  const int64_t idle_ms = had_request_ ? timeouts_.idle_ms : timeouts_.head_ms;
  if (phase_ == Phase::kHead && unread() == 0 && late(idle_ms)) return "idle";
  if (phase_ == Phase::kHead && unread() > 0 && late(timeouts_.head_ms))
    return "the request takes too long";
  if (phase_ == Phase::kBody && late(timeouts_.body_ms)) return "the body takes too long";
  return nullptr;
}

void Connection::check_timeouts(int64_t now_ms) {
  if (phase_ == Phase::kEnded) return;
  if (cut_at_ms_ != 0 && now_ms >= cut_at_ms_) return close_now();
  const char* reason = overdue(now_ms);
  if (reason == nullptr) return;
  log_line(Level::kInfo, "connection timed out", {{"peer", peer()}, {"reason", reason}});
  if (write_blocked_) return close_now();
  if (phase_ == Phase::kHead && unread() == 0) return end(io::Stream::Close::kAfterSending);
  refuse({408, reason});
  go_on();
}

}  // namespace rstmdb::http
