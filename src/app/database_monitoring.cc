// What is shown of a running database over HTTP: which part's numbers become metrics, and what has
// to hold for it to be ready.

#include "app/arguments.h"
#include "app/database.h"
#include "base/logging.h"
#include "metrics/sources.h"

namespace rstmdb::app {

Result<void> Database::open_monitoring(const config::Config& config) {
  monitoring_ = std::make_unique<Monitoring>(Monitoring::Options{
      .loop = world_.loop, .net = world_.net, .clock = world_.clock, .version = version()});
  monitoring_->add_source([this](metrics::Text& text) {
    metrics::add_server(text, server_->stats());
    metrics::add_state(text, node_->state());
    metrics::add_log(text, *log_);
    metrics::add_node(text, {.log_failed = node_->gate().failed(), .recovery_ns = recovery_ns_});
    metrics::add_snapshots(text, compaction_->stats(), start_stats_);
    metrics::add_watch(text, node_->hub().stats());
    metrics::add_access(text, server_->guesses().stats(),
                        tls_ ? tls_->stats() : io::TlsNet::Stats{});
    metrics::add_disk(text, node_->reserve().stats());
    metrics::add_memory(text, node_->memory().stats());
    if (gateway_) metrics::add_gateway(text, gateway_->stats());
  });
  http::Readiness& readiness = monitoring_->readiness();
  readiness.add({"log", [this]() -> std::optional<std::string> {
                   if (!node_->gate().failed()) return std::nullopt;
                   return "the log has stopped: nothing is written until a restart";
                 }});
  readiness.add({"disk", [this]() -> std::optional<std::string> {
                   if (!node_->reserve().stats().refusing) return std::nullopt;
                   return "the disk has only its reserve left: writes are refused, reads go on";
                 }});
  readiness.add({"stopping", [this]() -> std::optional<std::string> {
                   if (!stopping_) return std::nullopt;
                   return "the server is about to end";
                 }});
  if (!config.metrics.enabled) return {};
  RSTMDB_TRY(monitoring_->listen(config.metrics.bind_addr));
  log_line(Level::kInfo, "metrics and health are served", {{"address", monitoring_->address()}});
  return {};
}

}  // namespace rstmdb::app
