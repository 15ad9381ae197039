// rstmdb_load: puts a server under load and prints what it measured as one JSON object.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "load/load.h"
#include "load/setup.h"

namespace rstmdb::bench {
namespace {

struct Width {
  uint32_t connections;
  uint32_t pipelined;
};
const std::map<std::string, Width> kShapes = {
    {"a", {1, 1}}, {"b", {64, 1}}, {"c", {8, 128}}, {"d", {1000, 1}}};

struct Arguments {
  Plan plan;
  std::string shape = "a";
  std::string operation = "APPLY_EVENT";
  bool create = false;
};

int fail(const Error& error) {
  std::fprintf(stderr, "rstmdb_load: %s\n", error.to_string().c_str());
  return 1;
}

void print(const Arguments& arguments, const Measured& measured) {
  const double requests = static_cast<double>(std::max<uint64_t>(measured.requests, 1));
  std::printf(
      "{\"shape\":\"%s\",\"operation\":\"%s\",\"connections\":%u,\"pipelined\":%u,"
      "\"requests\":%llu,\"seconds\":%.3f,\"requests_per_second\":%.1f,"
      "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
      "\"server_cpu_us_per_request\":%.3f,\"own_cpu_us_per_request\":%.3f}\n",
      arguments.shape.c_str(), arguments.operation.c_str(), arguments.plan.connections,
      arguments.plan.pipelined, static_cast<unsigned long long>(measured.requests),
      measured.seconds, static_cast<double>(measured.requests) / measured.seconds,
      measured.latencies.percentile_us(0.5), measured.latencies.percentile_us(0.99),
      measured.latencies.percentile_us(0.999), measured.latencies.percentile_us(1),
      measured.server_cpu_seconds * 1e6 / requests, measured.own_cpu_seconds * 1e6 / requests);
}

int run(Arguments& arguments) {
  if (arguments.create) {
    const auto seconds = create_instances(arguments.plan.address, arguments.plan.instances);
    if (!seconds.ok()) return fail(seconds.error());
    std::printf("{\"created\":%u,\"seconds\":%.3f}\n", arguments.plan.instances, *seconds);
    return 0;
  }
  const Width& width = kShapes.at(arguments.shape);
  arguments.plan.connections = width.connections;
  arguments.plan.pipelined = width.pipelined;
  if (arguments.operation == "GET_INSTANCE") arguments.plan.operation = Operation::kGetInstance;
  const auto measured = std::make_unique<Measured>();
  const auto done = run_load(arguments.plan, *measured);
  if (!done.ok()) return fail(done.error());
  print(arguments, *measured);
  return 0;
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Arguments arguments;
  arguments.plan.address.host = "127.0.0.1";
  CLI::App cli("Puts a server under load and prints what it measured as one JSON object.",
               "rstmdb_load");
  cli.add_option("--host", arguments.plan.address.host, "IPv4 address")->capture_default_str();
  cli.add_option("--port", arguments.plan.address.port)->required();
  cli.add_option("--instances", arguments.plan.instances, "how many there are")
      ->default_val(100'000)
      ->check(CLI::Range(1u, 99'999'999u));
  cli.add_flag("--create", arguments.create, "only create the instances");
  cli.add_option("--shape", arguments.shape,
                 "a: 1 connection, b: 64, c: 8 with 128 requests each under way, d: 1000")
      ->check(CLI::IsMember({"a", "b", "c", "d"}))
      ->capture_default_str();
  cli.add_option("--operation", arguments.operation)
      ->check(CLI::IsMember({"APPLY_EVENT", "GET_INSTANCE"}))
      ->capture_default_str();
  cli.add_option("--warmup-ms", arguments.plan.warmup_ms)->capture_default_str();
  cli.add_option("--measured-ms", arguments.plan.measured_ms)->capture_default_str();
  cli.add_option("--pid", arguments.plan.server_pid, "process whose CPU time is measured");
  CLI11_PARSE(cli, argc, argv);
  return rstmdb::bench::run(arguments);
}
