#include "http/connection.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

constexpr size_t kInputBytesFirst = 2 * 1024;
// One byte more than a head may have, so that one that is too long is seen to be.
constexpr size_t kInputBytesMax = limits::kHttpHeadBytesMax + 1;
constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

Connection::Connection(Options options)
    : owner_(options.owner),
      clock_(options.clock),
      stream_(std::move(options.stream)),
      since_ms_(now_ms()) {}

int64_t Connection::now_ms() const { return clock_.steady_ns() / kNsPerMs; }

std::span<char> Connection::read_buffer() {
  if (phase_ != Phase::kOpen || write_blocked_ || input_end_ == kInputBytesMax) {
    paused_ = true;
    return {};
  }
  if (input_end_ == input_.size())
    input_.resize(std::clamp(input_.size() * 2, kInputBytesFirst, kInputBytesMax));
  return {input_.data() + input_end_, input_.size() - input_end_};
}

void Connection::on_read(size_t size) {
  input_end_ += size;
  go_on();
}

void Connection::on_writable() {
  write_blocked_ = false;
  go_on();
}

/// Sends what there is, answers what has been asked, and so on until there is nothing to do.
void Connection::go_on() {
  while (phase_ != Phase::kEnded && send()) {
    if (phase_ == Phase::kClosing) return end(io::Stream::Close::kAfterSending);
    const auto request = requests_.next({input_.data(), input_end_});
    if (!request) {
      refuse(request.error());
    } else if (*request) {
      take(**request);
    } else {
      if (std::exchange(paused_, false)) stream_->resume_reading();
      return;
    }
  }
}

/// Whether all has been handed over.
bool Connection::send() {
  if (write_blocked_) return false;
  if (output_.empty()) return true;
  sent_ += stream_->write(std::string_view(output_).substr(sent_));
  write_blocked_ = sent_ < output_.size();
  if (write_blocked_) return false;
  output_.clear();
  sent_ = 0;
  since_ms_ = now_ms();
  return true;
}

void Connection::take(const Request& request) {
  const Response response = owner_.answer(request);
  const bool more = input_end_ > request.size;
  After after = request.http_1_0 ? After::kKeepAloud : After::kKeep;
  if (!request.keep_alive || more) after = After::kClose;
  if (after == After::kClose) phase_ = Phase::kClosing;
  input_end_ = 0;
  since_ms_ = now_ms();
  append_response(output_, response, request.method == "HEAD" ? Body::kHeadOnly : Body::kWithBody,
                  after, clock_.wall_ms());
}

void Connection::refuse(const Refusal& refused) {
  phase_ = Phase::kClosing;
  since_ms_ = now_ms();
  append_response(output_, refusal(refused.status, refused.reason), Body::kWithBody, After::kClose,
                  clock_.wall_ms());
}

void Connection::on_closed(const Error& reason) {
  if (phase_ == Phase::kEnded) return;
  // After an orderly end the peer still gets the rest of the answer.
  if (reason.detail("reason") == "end" && !output_.empty()) {
    phase_ = Phase::kClosing;
    return go_on();
  }
  phase_ = Phase::kEnded;
  owner_.on_ended(*this);
}

void Connection::end(io::Stream::Close how) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  stream_->close(how);
  owner_.on_ended(*this);
}

void Connection::check_timeouts(int64_t now_ms) {
  if (phase_ == Phase::kEnded || now_ms - since_ms_ <= limits::kHttpTimeoutMs) return;
  if (!output_.empty()) return end(io::Stream::Close::kReset);
  if (input_end_ == 0) return end(io::Stream::Close::kAfterSending);
  refuse({408, "the request takes too long"});
  go_on();
}

}  // namespace rstmdb::http
