#include "http/gateway.h"

#include <utility>

#include "base/host_port.h"
#include "base/limits.h"
#include "base/logging.h"

namespace rstmdb::http {
namespace {

constexpr int64_t kTickMs = 1'000;
constexpr int64_t kNsPerMs = 1'000'000;

std::string host_of(const std::string& address) {
  const auto parts = split_host_port(address);
  return parts.ok() ? parts->host : "";
}

}  // namespace

Gateway::Gateway(Options options)
    : loop_(options.loop),
      connections_max_(options.connections_max),
      shared_{.node = options.node,
              .facts = options.facts,
              .guesses = options.guesses,
              .pages = std::move(options.pages),
              .assets = options.assets,
              .own_host = host_of(options.address)},
      sessions_(options.loop, [this] { finish_drain(); }),
      refusals_(options.loop) {}

Result<std::unique_ptr<Gateway>> Gateway::listen(Options options) {
  io::Net& net = options.net;
  const std::string address = options.address;
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(options)));
  RSTMDB_ASSIGN(gateway->listener_, net.listen(address, [raw = gateway.get()](auto stream) {
    raw->on_accept(std::move(stream));
  }));
  gateway->arm_tick();
  return gateway;
}

Gateway::~Gateway() {
  loop_.cancel(tick_timer_);
  loop_.cancel(drain_timer_);
}

void Gateway::on_accept(std::unique_ptr<io::Stream> stream) {
  ++shared_.stats.connections;
  if (sessions_.size() >= connections_max_) {
    ++shared_.stats.connections_refused;
    const Error error = Error(Code::kRateLimited, "the server has as many connections as allowed")
                            .with("code", "TOO_MANY_CONNECTIONS");
    return refusals_.refuse(std::move(stream), problem(503, error),
                            shared_.date.at(shared_.node.clock().wall_ms()));
  }
  GatewaySession& session = sessions_.add(std::make_unique<GatewaySession>(
      shared_, std::move(stream), [this](GatewaySession& ended) { on_ended(ended); }));
  shared_.stats.connections_active = sessions_.size();
  session.start();
}

void Gateway::on_ended(GatewaySession& session) {
  sessions_.end(session);
  shared_.stats.connections_active = sessions_.size();
}

void Gateway::arm_tick() {
  tick_timer_ = loop_.run_after(kTickMs, [this] { tick(); });
}

void Gateway::tick() {
  const int64_t now_ms = shared_.node.clock().steady_ns() / kNsPerMs;
  const int64_t wall_ms = shared_.node.clock().wall_ms();
  sessions_.each([&](GatewaySession& session) { session.look(now_ms, wall_ms); });
  arm_tick();
}

size_t Gateway::credentials_changed() {
  size_t ended = 0;
  sessions_.each([&](GatewaySession& session) { ended += session.check_credential() ? 0 : 1; });
  return ended;
}

void Gateway::drain(std::move_only_function<void()> done) {
  drained_ = std::move(done);
  listener_.reset();
  sessions_.each([](GatewaySession& session) { session.drain(); });
  drain_timer_ = loop_.run_after(limits::kDrainTimeoutMs, [this] {
    log_line(Level::kWarn, "HTTP connections cut at the end of the drain",
             {{"connections", uint64_t{sessions_.size()}}});
    sessions_.each([](GatewaySession& session) { session.close_now(); });
  });
  loop_.post([this] { finish_drain(); });
}

void Gateway::finish_drain() {
  if (!drained_ || !sessions_.empty()) return;
  loop_.cancel(drain_timer_);
  auto done = std::exchange(drained_, nullptr);
  done();
}

}  // namespace rstmdb::http
