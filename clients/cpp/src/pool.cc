#include "pool.h"

namespace rstmdb::client {

Result<void> check_options(const Options& options) {
  const auto refuse = [](std::string_view what) {
    return Error(ErrorKind::kArgument, std::string(what));
  };
  if (options.host.empty()) return refuse("host must not be empty");
  if (options.port == 0) return refuse("port must be 1 to 65535");
  if (options.pool_size == 0 || options.pool_size > 1000) return refuse("pool_size is 1 to 1000");
  if (options.connect_timeout.count() <= 0) return refuse("connect_timeout must be positive");
  if (options.request_timeout.count() <= 0) return refuse("request_timeout must be positive");
  if (!(options.reconnect.jitter >= 0 && options.reconnect.jitter <= 1)) {
    return refuse("reconnect.jitter is 0 to 1");
  }
  return {};
}

ClientCore::ClientCore(std::shared_ptr<const Options> options) : options_(std::move(options)) {}

Result<std::shared_ptr<ClientCore>> ClientCore::open(Options options) {
  auto checked = check_options(options);
  if (!checked.ok()) return checked.error();
  auto core = std::make_shared<ClientCore>(std::make_shared<const Options>(std::move(options)));
  for (unsigned i = 0; i < core->options_->pool_size; ++i) {
    core->links_.push_back(std::make_unique<Link>(core->options_, nullptr));
    // The first shows whether the server is there; the others connect when they are needed.
    auto started =
        core->links_.back()->start(i == 0 ? Link::Begin::kConnect : Link::Begin::kDormant);
    if (!started.ok()) return started.error();
  }
  return core;
}

TimePoint ClientCore::deadline_of(const CallOptions& call) const {
  const auto time = call.timeout.count() > 0 ? call.timeout : options_->request_timeout;
  return std::chrono::steady_clock::now() + time;
}

void ClientCore::close() {
  for (const auto& link : links_) link->close();
}

Link& ClientCore::link_for(std::string_view instance_id) {
  const size_t number = instance_id.empty() ? next_.fetch_add(1, std::memory_order_relaxed)
                                            : std::hash<std::string_view>{}(instance_id);
  return *links_[number % links_.size()];
}

}  // namespace rstmdb::client
