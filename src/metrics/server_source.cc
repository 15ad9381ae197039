#include "api/operation.h"
#include "metrics/sources.h"

namespace rstmdb::metrics {
namespace {

constexpr double kNsPerSecond = 1e9;

Label operation_label(size_t row) {
  return {"operation", row == api::kUnknownOperation ? "unknown" : api::kOperations[row].name};
}

}  // namespace

void add_server(Text& text, const server::Stats& stats) {
  text.counter("rstmdb_connections_total", "RCP connections accepted, refused ones included.",
               stats.connections);
  text.counter("rstmdb_connections_refused_total", "RCP connections over the limit.",
               stats.connections_refused);
  text.gauge("rstmdb_connections_active", "RCP connections served now.", stats.connections_active);

  text.family("rstmdb_requests_total", Text::Kind::kCounter,
              "Requests read, by operation; unknown: they name none or cannot be read.");
  for (size_t row = 0; row < stats.operations.size(); ++row)
    text.sample(operation_label(row), stats.operations[row].requests);

  text.family("rstmdb_errors_total", Text::Kind::kCounter, "Answers that are errors, by code.");
  for (size_t code = 0; code < stats.errors.size(); ++code)
    text.sample({"code", code_name(static_cast<Code>(code))}, stats.errors[code]);

  text.family("rstmdb_request_duration_seconds", Text::Kind::kHistogram,
              "From the arrival of a request until its answer may leave: for a write that is when "
              "it is durable. Operations that were never asked for are left out.");
  for (size_t row = 0; row < stats.operations.size(); ++row) {
    const Histogram& duration = stats.operations[row].duration_ns;
    if (duration.count() > 0) text.samples(operation_label(row), duration, kNsPerSecond);
  }
}

}  // namespace rstmdb::metrics
