#include "server/server.h"

#include <algorithm>
#include <array>

#include "base/logging.h"

namespace rstmdb::server {
namespace {

constexpr int64_t kTickMs = 1'000;
constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

Server::Server(Options options) : options_(std::move(options)), stretches_(options_.ahead) {
  options_.facts.connections = [this] { return uint64_t{served_}; };
}

Result<std::unique_ptr<Server>> Server::listen(Options options) {
  std::unique_ptr<Server> server(new Server(std::move(options)));
  RSTMDB_ASSIGN(server->listener_, server->options_.net.listen(server->options_.address,
                                                               [raw = server.get()](auto stream) {
                                                                 raw->on_accept(std::move(stream));
                                                               }));
  server->arm_tick();
  return server;
}

Server::~Server() {
  options_.loop.cancel(tick_timer_);
  options_.loop.cancel(drain_timer_);
  options_.facts.connections = [] { return uint64_t{0}; };
}

void Server::on_accept(std::unique_ptr<io::Stream> stream) {
  const bool full = served_ >= options_.connections_max;
  ++stats_.connections;
  if (full) ++stats_.connections_refused;
  if (full && refused_ >= limits::kRefusalsMax) return stream->close(io::Stream::Close::kReset);
  auto session = std::make_unique<Session>(Session::Options{
      .node = options_.node,
      .facts = options_.facts,
      .guesses = guesses_,
      .owner = *this,
      .aheads = aheads_,
      .stretches = stretches_,
      .stats = stats_,
      .stream = std::move(stream),
      .number = stats_.connections,
      .welcome = full ? Session::Welcome::kRefuse : Session::Welcome::kServe,
      .idle_timeout_ms = options_.idle_timeout_ms,
  });
  ++(full ? refused_ : served_);
  stats_.connections_active = served_;
  Session& started = *session;
  sessions_.emplace(started.number(), std::move(session));
  started.start();
}

void Server::post(void (Server::*task)()) {
  options_.loop.post([this, task, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) (this->*task)();
  });
}

void Server::on_arrived(Session& session) {
  // What is posted comes behind all that is ready now.
  if (arrived_.empty()) post(&Server::handle_arrived);
  arrived_.push_back(&session);
}

/// Who has sent many gets its stretches. The others come a group at a time: a request of each is
/// read and its instance fetched into the cache before the first is carried out.
void Server::handle_arrived() {
  for (Session* session : arrived_) {
    if (session != nullptr) session->offer_stretches();
  }
  for (size_t begin = 0; begin < arrived_.size();) {
    const size_t end = std::min(arrived_.size(), begin + ReadAhead::kRequestsMax);
    std::array<std::string_view, ReadAhead::kRequestsMax> ids;
    size_t known = 0;
    for (size_t i = begin; i < end && end - begin > 1; ++i) {
      if (arrived_[i] != nullptr) known += arrived_[i]->look_ahead(std::span(ids).subspan(known));
    }
    options_.node.prefetch({ids.data(), known});
    for (; begin < end; ++begin) {
      if (arrived_[begin] != nullptr) arrived_[begin]->handle_arrived();
    }
  }
  arrived_.clear();
  stretches_.end_turn();
}

void Server::on_ended(Session& session) {
  std::ranges::replace(arrived_, &session, nullptr);
  const auto found = sessions_.find(session.number());
  if (found == sessions_.end()) return;
  --(session.refused() ? refused_ : served_);
  stats_.connections_active = served_;
  if (ended_.empty()) post(&Server::bury_ended);
  ended_.push_back(std::move(found->second));
  sessions_.erase(found);
}

void Server::bury_ended() {
  ended_.clear();
  finish_drain();
}

void Server::arm_tick() {
  tick_timer_ = options_.loop.run_after(kTickMs, [this] { tick(); });
}

void Server::tick() {
  const int64_t now_ms = options_.node.clock().steady_ns() / kNsPerMs;
  const int64_t wall_ms = options_.node.clock().wall_ms();
  for (Session* session : all_sessions()) {
    session->check_timeouts(now_ms);
    session->check_expiry(wall_ms);
  }
  arm_tick();
}

std::vector<Session*> Server::all_sessions() const {
  std::vector<Session*> sessions;
  sessions.reserve(sessions_.size());
  for (const auto& [number, session] : sessions_) sessions.push_back(session.get());
  return sessions;
}

size_t Server::credentials_changed() {
  size_t ended = 0;
  for (Session* session : all_sessions()) ended += session->check_credential() ? 0 : 1;
  return ended;
}

void Server::drain(std::move_only_function<void()> done) {
  drained_ = std::move(done);
  listener_.reset();
  for (Session* session : all_sessions()) session->drain();
  drain_timer_ = options_.loop.run_after(limits::kDrainTimeoutMs, [this] {
    log_line(Level::kWarn, "connections cut at the end of the drain",
             {{"connections", sessions_.size()}});
    for (Session* session : all_sessions()) session->close_now();
  });
  post(&Server::finish_drain);
}

void Server::finish_drain() {
  if (!drained_ || !sessions_.empty() || !ended_.empty()) return;
  options_.loop.cancel(drain_timer_);
  auto done = std::exchange(drained_, nullptr);
  done();
}

}  // namespace rstmdb::server
