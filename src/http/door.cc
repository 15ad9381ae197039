#include "http/door.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

constexpr int64_t kTickMs = 1'000;
constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

Result<std::unique_ptr<Door>> Door::listen(Options options) {
  std::unique_ptr<Door> door(new Door(std::move(options)));
  RSTMDB_ASSIGN(door->listener_,
                door->options_.net.listen(door->options_.address, [raw = door.get()](auto stream) {
                  raw->on_accept(std::move(stream));
                }));
  door->arm_tick();
  return door;
}

Door::~Door() {
  *there_ = false;
  options_.loop.cancel(tick_timer_);
}

void Door::on_accept(std::unique_ptr<io::Stream> stream) {
  if (connections_.size() >= limits::kHttpConnectionsMax) {
    ++refused_;
    std::string bytes;
    append_response(bytes, refusal(503, "too many connections"), Body::kWithBody, After::kClose,
                    options_.clock.wall_ms());
    stream->write(bytes);
    return stream->close(io::Stream::Close::kAfterSending);
  }
  auto connection = std::make_unique<Connection>(
      Connection::Options{.owner = *this, .clock = options_.clock, .stream = std::move(stream)});
  Connection& started = *connection;
  connections_.emplace(&started, std::move(connection));
  started.start();
}

Response Door::answer(const Request& request) {
  ++requests_;
  const auto page = std::ranges::find(options_.pages, request.path, &Page::path);
  if (page == options_.pages.end()) return refusal(404);
  if (request.method != "GET" && request.method != "HEAD") {
    Response response = refusal(405);
    response.allow = "GET, HEAD";
    return response;
  }
  return page->make();
}

void Door::on_ended(Connection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  if (ended_.empty()) {
    options_.loop.post([this, there = there_] {
      if (*there) ended_.clear();
    });
  }
  ended_.push_back(std::move(found->second));
  connections_.erase(found);
}

Door::Stats Door::stats() const {
  return {.requests = requests_, .refused = refused_, .connections = connections_.size()};
}

void Door::arm_tick() {
  tick_timer_ = options_.loop.run_after(kTickMs, [this] { tick(); });
}

void Door::tick() {
  const int64_t now_ms = options_.clock.steady_ns() / kNsPerMs;
  // Ending a connection takes it out of the map: walk over a copy.
  std::vector<Connection*> connections;
  connections.reserve(connections_.size());
  for (const auto& [connection, owned] : connections_) connections.push_back(connection);
  for (Connection* connection : connections) connection->check_timeouts(now_ms);
  arm_tick();
}

}  // namespace rstmdb::http
