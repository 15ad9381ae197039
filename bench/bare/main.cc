// rstmdb_bare: serves APPLY_EVENT and GET_INSTANCE of rstmdb_load as fast as a bare loop can.
//
//   rstmdb_bare --folder DIR --port-file FILE
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "bare/loop.h"

namespace rstmdb::bench {
namespace {

Result<void> serve(const BareLoop::Options& options, const std::string& port_file) {
  RSTMDB_ASSIGN(const auto loop, BareLoop::open(options));
  std::ofstream(port_file) << loop->port() << '\n';
  return loop->run();
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::BareLoop::Options options;
  std::string port_file;
  CLI::App cli("Serves rstmdb_load with the hot path alone.", "rstmdb_bare");
  cli.add_option("--folder", options.folder, "where what is written goes")->required();
  cli.add_option("--port-file", port_file, "gets the port")->required();
  cli.add_option("--instances", options.instances)->capture_default_str();
  cli.add_option("--context-bytes", options.context_bytes)->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  const auto served = rstmdb::bench::serve(options, port_file);
  if (served.ok()) return 0;
  std::fprintf(stderr, "rstmdb_bare: %s\n", served.error().to_string().c_str());
  return 1;
}
