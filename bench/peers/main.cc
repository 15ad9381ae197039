// rstmdb_peers: the load of rstmdb_load on Redis or PostgreSQL, with the same loop. Prints one JSON
// object.
#include <cstdio>
#include <memory>

#include "load/arguments.h"
#include "peers/postgres.h"
#include "peers/redis.h"

namespace rstmdb::bench {
namespace {

template <class Peer>
int run(const Arguments& arguments) {
  Peer peer(arguments.context_bytes);
  if (arguments.create) {
    const auto seconds = peer.create_instances(arguments.plan.address, arguments.plan.instances);
    if (!seconds.ok()) return fail("rstmdb_peers", seconds.error());
    std::printf("{\"created\":%u,\"seconds\":%.3f}\n", arguments.plan.instances, *seconds);
    return 0;
  }
  const auto measured = std::make_unique<Measured>();
  const auto done = run_load(arguments.plan, peer, *measured);
  if (!done.ok()) return fail("rstmdb_peers", done.error());
  print(arguments, *measured);
  return 0;
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Arguments arguments;
  std::string peer;
  CLI::App cli("Puts Redis or PostgreSQL under the load of rstmdb_load.", "rstmdb_peers");
  cli.add_option("peer", peer)->required()->check(CLI::IsMember({"redis", "postgres"}));
  rstmdb::bench::add_options(cli, arguments);
  cli.add_option("--group", arguments.plan.group, "requests of one transaction of PostgreSQL")
      ->check(CLI::Range(1u, 128u));
  cli.callback([&] {
    if (arguments.operation == "LIST_INSTANCES" || arguments.operation == "MIX")
      throw CLI::ValidationError("--operation", "listing is not compared");
  });
  CLI11_PARSE(cli, argc, argv);
  rstmdb::bench::settle(arguments);
  if (arguments.plan.pipelined % arguments.plan.group != 0)
    return rstmdb::bench::fail(
        "rstmdb_peers",
        rstmdb::Error(rstmdb::Code::kBadRequest, "--group must divide the requests under way"));
  return peer == "redis" ? rstmdb::bench::run<rstmdb::bench::Redis>(arguments)
                         : rstmdb::bench::run<rstmdb::bench::Postgres>(arguments);
}
