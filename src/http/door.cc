#include "http/door.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

constexpr int64_t kTickMs = 1'000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr Connection::Timeouts kTimeouts{.idle_ms = limits::kHttpTimeoutMs,
                                         .head_ms = limits::kHttpTimeoutMs,
                                         .body_ms = limits::kHttpTimeoutMs,
                                         .stall_ms = limits::kHttpTimeoutMs,
                                         .stream_ms = limits::kHttpTimeoutMs};

}  // namespace

class Door::Visit final : private Handler {
 public:
  Visit(Door& door, std::unique_ptr<io::Stream> stream)
      : door_(door),
        connection_({.handler = *this,
                     .clock = door.options_.clock,
                     .date = door.date_,
                     .stream = std::move(stream),
                     .timeouts = kTimeouts}) {}
  Connection& connection() { return connection_; }

 private:
  std::expected<size_t, Response> on_head(const Request& request) override {
    if (request.body != Request::Body::kNone)
      return std::unexpected(refusal(413, "no request has a body here"));
    return 0;
  }
  void on_request(const Request& request, std::string_view) override {
    connection_.answer(door_.answer(request));
  }
  Response refuse(const Refusal& refused) override {
    return refusal(refused.status, refused.reason);
  }
  void on_ended() override { door_.visits_.end(*this); }

  Door& door_;
  Connection connection_;
};

Door::Door(Options options)
    : options_(std::move(options)), visits_(options_.loop), refusals_(options_.loop) {}

Result<std::unique_ptr<Door>> Door::listen(Options options) {
  std::unique_ptr<Door> door(new Door(std::move(options)));
  RSTMDB_ASSIGN(door->listener_,
                door->options_.net.listen(door->options_.address, [raw = door.get()](auto stream) {
                  raw->on_accept(std::move(stream));
                }));
  door->arm_tick();
  return door;
}

Door::~Door() { options_.loop.cancel(tick_timer_); }

void Door::on_accept(std::unique_ptr<io::Stream> stream) {
  if (visits_.size() >= limits::kHttpConnectionsMax) {
    ++refused_;
    return refusals_.refuse(std::move(stream), refusal(503, "too many connections"),
                            date_.at(options_.clock.wall_ms()));
  }
  visits_.add(std::make_unique<Visit>(*this, std::move(stream))).connection().start();
}

Response Door::answer(const Request& request) {
  ++requests_;
  const auto page = std::ranges::find(options_.pages, request.path, &Page::path);
  if (page == options_.pages.end()) return refusal(404);
  if (request.method != "GET" && request.method != "HEAD")
    return refusal(405).with("Allow", kPageMethods);
  return page->make();
}

Door::Stats Door::stats() const {
  return {.requests = requests_, .refused = refused_, .connections = visits_.size()};
}

void Door::arm_tick() {
  tick_timer_ = options_.loop.run_after(kTickMs, [this] { tick(); });
}

void Door::tick() {
  const int64_t now_ms = options_.clock.steady_ns() / kNsPerMs;
  visits_.each([&](Visit& visit) { visit.connection().check_timeouts(now_ms); });
  arm_tick();
}

}  // namespace rstmdb::http
