#include "app/monitoring.h"

#include <utility>

#include "base/limits.h"
#include "io/process.h"
#include "json/writer.h"
#include "metrics/sources.h"

namespace rstmdb::app {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr double kNsPerSecond = 1e9;

}  // namespace

Monitoring::Monitoring(Options options)
    : options_(std::move(options)), started_ns_(options_.clock.steady_ns()) {}

Result<void> Monitoring::listen(const std::string& address) {
  std::vector<http::Page> pages = health_pages();
  pages.push_back({"/metrics", [this] {
                     return http::Response{.content_type = http::kMetricsText,
                                           .body = metrics_page()};
                   }});
  RSTMDB_ASSIGN(door_, http::Door::listen({.loop = options_.loop,
                                           .net = options_.net,
                                           .clock = options_.clock,
                                           .address = address,
                                           .pages = std::move(pages)}));
  return {};
}

std::vector<http::Page> Monitoring::health_pages() {
  return {{"/healthz", [this] { return health(); }},
          {"/readyz", [this] { return readiness_.page(); }}};
}

http::Response Monitoring::health() const {
  http::Response response;
  json::Writer(response.body)
      .open_object()
      .member("status", "ok")
      .member("version", std::string_view(options_.version))
      .member("uptime_seconds", (options_.clock.steady_ns() - started_ns_) / (1000 * kNsPerMs))
      .close_object();
  response.body += '\n';
  return response;
}

const std::string& Monitoring::metrics_page() {
  const int64_t began = options_.clock.steady_ns();
  if (!page_.empty() && began - page_made_ns_ < limits::kMetricsAgeMs * kNsPerMs) return page_;
  metrics::Text text;
  for (const Source& source : sources_) source(text);
  add_own(text);
  page_ = text.text();
  page_made_ns_ = began;
  page_took_ns_ = options_.clock.steady_ns() - began;
  return page_;
}

void Monitoring::add_own(metrics::Text& text) {
  text.family("rstmdb_build_info", metrics::Text::Kind::kGauge, "Always 1; the version that runs.")
      .sample({"version", options_.version}, 1);
  text.gauge("rstmdb_ready", "1 when /readyz answers 200.", uint64_t{readiness_.ready()});
  if (door_) metrics::add_http(text, door_->stats());
  metrics::add_process(text, io::process_usage());
  text.gauge("rstmdb_metrics_page_seconds", "Time that it took to make the page before this one.",
             static_cast<double>(page_took_ns_) / kNsPerSecond);
}

}  // namespace rstmdb::app
