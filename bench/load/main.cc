// rstmdb_load: puts a server under load and prints what it measured as one JSON object.
#include <cstdio>
#include <memory>

#include "load/arguments.h"
#include "load/http.h"
#include "load/rcp.h"
#include "load/setup.h"
#include "load/watchers.h"

namespace rstmdb::bench {
namespace {

Result<void> measure(const Arguments& arguments, Measured& measured) {
  Plan plan = arguments.plan;
  if (arguments.http) {
    Http http(arguments.context_bytes);
    return run_load(plan, http, measured);
  }
  Rcp rcp(arguments.context_bytes);
  if (arguments.watchers == 0) return run_load(plan, rcp, measured);
  RSTMDB_ASSIGN(const auto watchers, Watchers::start(plan.address, arguments.watchers));
  plan.counter = &watchers->counted();
  RSTMDB_TRY(run_load(plan, rcp, measured));
  return watchers->catch_up();
}

int run(const Arguments& arguments) {
  const Plan& plan = arguments.plan;
  if (arguments.create) {
    const auto seconds = create_instances(plan.address, plan.instances, arguments.context_bytes);
    if (!seconds.ok()) return fail("rstmdb_load", seconds.error());
    std::printf("{\"created\":%u,\"seconds\":%.3f}\n", plan.instances, *seconds);
    return 0;
  }
  const auto measured = std::make_unique<Measured>();
  const auto done = measure(arguments, *measured);
  if (!done.ok()) return fail("rstmdb_load", done.error());
  print(arguments, *measured);
  return 0;
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Arguments arguments;
  CLI::App cli("Puts a server under load and prints what it measured as one JSON object.",
               "rstmdb_load");
  rstmdb::bench::add_options(cli, arguments);
  cli.add_option("--watchers", arguments.watchers, "that watch everything beside the load")
      ->check(CLI::Range(0u, 10'000u));
  CLI11_PARSE(cli, argc, argv);
  rstmdb::bench::settle(arguments);
  return rstmdb::bench::run(arguments);
}
