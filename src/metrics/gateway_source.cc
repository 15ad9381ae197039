#include <array>
#include <string>

#include "api/operation.h"
#include "metrics/sources.h"

namespace rstmdb::metrics {
namespace {

constexpr double kNsPerSecond = 1e9;

Label operation_label(size_t row) {
  return {"operation", row == api::kUnknownOperation ? "none" : api::kOperations[row].name};
}

}  // namespace

void add_gateway(Text& text, const http::GatewayStats& stats) {
  constexpr std::array<std::string_view, http::GatewayStats::kClasses> kClassNames = {
      "0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
  text.counter("rstmdb_gateway_connections_total",
               "Connections of the HTTP gateway accepted, refused ones included.",
               stats.connections);
  text.counter("rstmdb_gateway_connections_refused_total",
               "Connections over the HTTP gateway's limit.", stats.connections_refused);
  text.gauge("rstmdb_gateway_connections_active", "Connections of the HTTP gateway now.",
             stats.connections_active);
  text.gauge("rstmdb_gateway_streams_active", "Event streams among them.", stats.streams_active);

  text.family("rstmdb_gateway_answers_total", Text::Kind::kCounter,
              "Answers of the HTTP gateway, by operation (none: pages, files, what cannot be read) "
              "and class of status. Those that were never given are left out.");
  for (size_t row = 0; row < stats.answers.size(); ++row) {
    for (size_t one = 0; one < kClassNames.size(); ++one) {
      const uint64_t answers = stats.answers[row][one];
      const std::array labels = {operation_label(row), Label{"status", kClassNames[one]}};
      if (answers > 0) text.sample(labels, static_cast<double>(answers));
    }
  }
  text.family("rstmdb_gateway_request_duration_seconds", Text::Kind::kHistogram,
              "From the arrival of an HTTP request until its answer may leave: for a write that is "
              "when it is durable. Operations that were never asked for are left out.");
  for (size_t row = 0; row < stats.operations.size(); ++row) {
    const Histogram& duration = stats.operations[row].duration_ns;
    if (duration.count() > 0) text.samples(operation_label(row), duration, kNsPerSecond);
  }
}

}  // namespace rstmdb::metrics
