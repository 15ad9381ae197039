#include "app/arguments.h"

#include <CLI/CLI.hpp>

namespace rstmdb::app {

std::string version() { return RSTMDB_VERSION; }

Parsed parse_arguments(int argc, char** argv) {
  Parsed parsed;
  CLI::App cli("rstmdb: a state machine database", "rstmdb");
  cli.set_version_flag("--version", "rstmdb " + version());
  std::string config;
  cli.add_option("--config", config,
                 "YAML file; without it the one that RSTMDB_CONFIG names, or none")
      ->type_name("FILE");
  cli.add_option("--port-file", parsed.arguments.port_file,
                 "write the port that is listened at to FILE once requests are served")
      ->type_name("FILE");
  cli.add_flag("--print-config", parsed.arguments.print_config,
               "print every setting and where it comes from, then end");
  cli.footer(
      "Settings also come from RSTMDB_* environment variables; docs/configuration.md lists all.\n"
      "Exit codes: 0 ended as asked, 1 could not start or stopped by a failure, 2 usage.");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = cli.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  if (!config.empty()) parsed.arguments.config_path = config;
  return parsed;
}

}  // namespace rstmdb::app
