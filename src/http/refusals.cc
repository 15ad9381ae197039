#include "http/refusals.h"

#include <array>
#include <utility>

#include "base/limits.h"

namespace rstmdb::http {

class Refusals::One final : private io::StreamEvents {
 public:
  One(Refusals& all, std::unique_ptr<io::Stream> stream, std::string answer)
      : all_(all), stream_(std::move(stream)), answer_(std::move(answer)) {}
  ~One() override { all_.loop_.cancel(timer_); }

  void start() {
    timer_ =
        all_.loop_.run_after(limits::kRefusalTimeoutMs, [this] { end(io::Stream::Close::kReset); });
    stream_->start(*this);
    send();
  }

 private:
  // What it asks is read and dropped: bytes that nobody reads would cut the answer short.
  std::span<char> read_buffer() override { return dropped_; }
  void on_read(size_t) override {}
  void on_writable() override { send(); }
  void on_closed(const Error& reason) override {
    if (reason.detail("reason") != "end") end(io::Stream::Close::kReset);
  }

  void send() {
    sent_ += stream_->write(std::string_view(answer_).substr(sent_));
    if (sent_ == answer_.size()) end(io::Stream::Close::kAfterSending);
  }

  void end(io::Stream::Close how) {
    if (std::exchange(ended_, true)) return;
    stream_->close(how);
    all_.ones_.end(*this);
  }

  Refusals& all_;
  std::unique_ptr<io::Stream> stream_;
  const std::string answer_;
  size_t sent_ = 0;
  bool ended_ = false;
  io::Loop::TimerId timer_ = 0;
  std::array<char, 1024> dropped_;
};

Refusals::Refusals(io::Loop& loop) : loop_(loop), ones_(loop) {}

Refusals::~Refusals() = default;

void Refusals::refuse(std::unique_ptr<io::Stream> stream, const Response& response,
                      std::string_view date) {
  if (ones_.size() >= limits::kRefusalsMax) return stream->close(io::Stream::Close::kReset);
  std::string answer;
  append_response(answer, response, Body::kWithBody, After::kClose, date);
  ones_.add(std::make_unique<One>(*this, std::move(stream), std::move(answer))).start();
}

}  // namespace rstmdb::http
