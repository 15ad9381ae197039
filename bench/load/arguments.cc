#include "load/arguments.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "load/rcp.h"

namespace rstmdb::bench {
namespace {

struct Width {
  uint32_t connections;
  uint32_t pipelined;
};
const std::map<std::string, Width> kShapes = {
    {"a", {1, 1}}, {"b", {64, 1}}, {"c", {8, 128}}, {"d", {1000, 1}}};

/// Percent of APPLY_EVENT, GET_INSTANCE, CREATE_INSTANCE and LIST_INSTANCES.
const std::map<std::string, std::array<uint32_t, kOperations>> kWork = {
    {"APPLY_EVENT", {100, 0, 0, 0}},
    {"GET_INSTANCE", {0, 100, 0, 0}},
    {"CREATE_INSTANCE", {0, 0, 100, 0}},
    {"LIST_INSTANCES", {0, 0, 0, 100}},
    {"MIX", {70, 20, 8, 2}}};

template <class Value>
CLI::IsMember one_of(const std::map<std::string, Value>& known) {
  std::vector<std::string> names;
  for (const auto& [name, value] : known) names.push_back(name);
  return CLI::IsMember(names);
}

}  // namespace

void add_options(CLI::App& cli, Arguments& arguments) {
  Plan& plan = arguments.plan;
  plan.address.host = "127.0.0.1";
  cli.add_option("--host", plan.address.host, "IPv4 address")->capture_default_str();
  cli.add_option("--port", plan.address.port)->required();
  cli.add_option("--instances", plan.instances, "how many there are")
      ->default_val(100'000)
      ->check(CLI::Range(1u, 99'999'999u));
  cli.add_option("--context-bytes", arguments.context_bytes, "of each instance that is created")
      ->capture_default_str()
      ->check(CLI::Range(kContextBytesMin, size_t{1024 * 1024}));
  cli.add_flag("--create", arguments.create, "only create the instances");
  cli.add_option("--shape", arguments.shape,
                 "a: 1 connection, b: 64, c: 8 with 128 requests each under way, d: 1000")
      ->check(one_of(kShapes))
      ->capture_default_str();
  cli.add_option("--connections", arguments.connections, "other than the shape's");
  cli.add_option("--pipelined", arguments.pipelined, "other than the shape's")
      ->check(CLI::Range(1u, kSlotsMax));
  cli.add_option("--operation", arguments.operation,
                 "MIX: 70 % APPLY_EVENT, 20 % GET_INSTANCE, 8 % CREATE_INSTANCE, 2 % pages of "
                 "LIST_INSTANCES")
      ->check(one_of(kWork))
      ->capture_default_str();
  cli.add_flag("--http", arguments.http, "the port is that of HTTP; one request a connection");
  cli.add_option("--rate", plan.rate, "requests a second (open loop); 0: as fast as it goes")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  cli.add_option("--warmup-ms", plan.warmup_ms)->capture_default_str();
  cli.add_option("--measured-ms", plan.measured_ms)->capture_default_str();
  cli.add_option("--pid", plan.server_pid, "process whose CPU time is measured");
  cli.add_flag("--spectrum", arguments.spectrum, "print all percentiles of the latency");
}

void settle(Arguments& arguments) {
  const Width& width = kShapes.at(arguments.shape);
  Plan& plan = arguments.plan;
  plan.connections = arguments.connections > 0 ? arguments.connections : width.connections;
  plan.pipelined = arguments.pipelined > 0 ? arguments.pipelined : width.pipelined;
  plan.percent = kWork.at(arguments.operation);
}

void print(const Arguments& arguments, const Measured& measured) {
  const double requests = static_cast<double>(std::max<uint64_t>(measured.requests, 1));
  std::printf(
      "{\"protocol\":\"%s\",\"shape\":\"%s\",\"operation\":\"%s\",\"connections\":%u,\"pipelined\":"
      "%u,"
      "\"rate\":%.0f,\"requests\":%llu,\"late\":%llu,\"seconds\":%.3f,"
      "\"requests_per_second\":%.1f,"
      "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
      "\"server_cpu_us_per_request\":%.3f,\"own_cpu_us_per_request\":%.3f",
      arguments.http ? "http" : "rcp", arguments.shape.c_str(), arguments.operation.c_str(),
      arguments.plan.connections, arguments.plan.pipelined, arguments.plan.rate,
      static_cast<unsigned long long>(measured.requests),
      static_cast<unsigned long long>(measured.late), measured.seconds,
      static_cast<double>(measured.requests) / measured.seconds,
      measured.latencies.percentile_us(0.5), measured.latencies.percentile_us(0.99),
      measured.latencies.percentile_us(0.999), measured.latencies.percentile_us(1),
      measured.server_cpu_seconds * 1e6 / requests, measured.own_cpu_seconds * 1e6 / requests);
  if (arguments.watchers > 0) {
    const double told = static_cast<double>(measured.counted);
    std::printf(
        ",\"watchers\":%u,\"notifications_per_second\":%.1f,"
        "\"server_cpu_us_per_notification\":%.3f",
        arguments.watchers, told / measured.seconds,
        measured.server_cpu_seconds * 1e6 / std::max(told, 1.0));
  }
  if (arguments.spectrum) {
    std::printf(",\"spectrum\":[");
    const char* comma = "";
    for (const Latencies::Point& point : measured.latencies.spectrum()) {
      std::printf("%s[%.8f,%.1f]", comma, point.share, point.us);
      comma = ",";
    }
    std::printf("]");
  }
  std::printf("}\n");
}

int fail(const char* program, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.to_string().c_str());
  return 1;
}

}  // namespace rstmdb::bench
