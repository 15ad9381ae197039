// What the server shows of itself over HTTP: /metrics, /healthz and /readyz. Parts of the server
// put their metrics and their conditions in; each is asked when somebody looks. On the loop's
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/door.h"
#include "http/health.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/net.h"
#include "metrics/text.h"

namespace rstmdb::app {

class Monitoring {
 public:
  struct Options {
    io::Loop& loop;
    io::Net& net;
    io::Clock& clock;
    std::string version;
  };
  using Source = std::function<void(metrics::Text&)>;

  explicit Monitoring(Options options);

  /// Adds metrics of one part, which outlives this.
  void add_source(Source source) { sources_.push_back(std::move(source)); }
  /// Adds a condition of being ready.
  http::Readiness& readiness() { return readiness_; }

  /// Opens the door at "host:port". Without it everything above only gathers.
  Result<void> listen(const std::string& address);
  /// "127.0.0.1:9090" with the real port; "" when nothing listens.
  std::string address() const { return door_ ? door_->address() : ""; }

  /// /healthz and /readyz, for another door. They outlive it.
  std::vector<http::Page> health_pages();

  /// The page of /metrics. Made anew when the last one is older than limits::kMetricsAgeMs, so that
  /// nobody who asks all the time keeps the loop from its work.
  const std::string& metrics_page();

 private:
  http::Response health() const;
  void add_own(metrics::Text& text);

  Options options_;
  int64_t started_ns_;
  std::vector<Source> sources_;
  http::Readiness readiness_;
  std::string page_;
  int64_t page_made_ns_ = 0;
  int64_t page_took_ns_ = 0;
  std::unique_ptr<http::Door> door_;
};

}  // namespace rstmdb::app
