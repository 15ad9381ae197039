// A client of a simulated server, driven by hand.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "io/simulated_loop.h"
#include "io/simulated_net.h"
#include "wire/frame.h"

namespace rstmdb::server {

/// A client that speaks one dialect and keeps the payloads that it has received.
class TestClient {
 public:
  TestClient(io::SimulatedLoop& loop, std::unique_ptr<io::SimulatedPeer> peer,
             wire::Dialect dialect)
      : loop_(loop), peer_(std::move(peer)), dialect_(dialect), frames_(dialect, 1 << 26) {}

  io::SimulatedPeer& peer() { return *peer_; }
  void speak(wire::Dialect dialect) {
    dialect_ = dialect;
    frames_.switch_to(dialect);
  }

  static std::string request(std::string_view id, std::string_view op, std::string_view params) {
    return R"({"type":"request","id":")" + std::string(id) + R"(","op":")" + std::string(op) +
           R"(","params":)" + std::string(params) + "}";
  }
  void send(std::string_view id, std::string_view op, std::string_view params = "{}") {
    send_payload(request(id, op, params));
  }
  void send_payload(std::string_view payload) {
    std::string frame;
    const size_t start = wire::begin_frame(frame, dialect_);
    frame += payload;
    wire::end_frame(frame, dialect_, start);
    peer_->send(frame);
  }

  /// The next answer's payload, waiting up to ten simulated seconds; "" when none comes.
  std::string answer() {
    loop_.run_until([this] { return !answers_.empty() || take_frames(); }, 10'000);
    if (answers_.empty()) return "";
    std::string first = std::move(answers_.front());
    answers_.pop_front();
    return first;
  }
  /// The next answer alone: what has come behind it may be in another dialect.
  std::string answer_before_switch() {
    loop_.run_until([this] { return !answers_.empty() || take_frame(); }, 10'000);
    return answer();
  }
  /// Whether an answer is there after everything that can happen now has happened.
  bool has_answer() {
    loop_.run_for(1);
    return take_frames();
  }
  bool ended() {
    return loop_.run_until([this] { return peer_->ended() || peer_->was_reset(); }, 100);
  }

 private:
  bool take_frame() {
    const auto frame = frames_.next(peer_->received());
    EXPECT_TRUE(frame.ok()) << frame.error().to_string();
    if (!frame.ok() || !*frame) return false;
    answers_.emplace_back((*frame)->payload);
    peer_->received().erase(0, (*frame)->size);
    return true;
  }
  bool take_frames() {
    while (take_frame()) continue;
    return !answers_.empty();
  }

  io::SimulatedLoop& loop_;
  std::unique_ptr<io::SimulatedPeer> peer_;
  wire::Dialect dialect_;
  wire::FrameReader frames_;
  std::deque<std::string> answers_;
};

}  // namespace rstmdb::server
