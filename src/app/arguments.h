// The server's command line.
#pragma once

#include <optional>
#include <string>

#include "app/admin_command.h"

namespace rstmdb::app {

struct Arguments {
  std::optional<std::string> config_path;
  std::string port_file;      // where to write the port that RCP is served at; "" for nowhere
  bool print_config = false;  // show every setting with its origin and end
  std::optional<AdminCommand> admin;  // to run instead of serving
};

/// Reads the command line. Gives an exit code instead when there is nothing to run: help or version
/// was asked for (0), or it cannot be understood (2, with a sentence on standard error).
struct Parsed {
  Arguments arguments;
  std::optional<int> exit_code;
};
Parsed parse_arguments(int argc, char** argv);

/// "0.2.0"
std::string version();

}  // namespace rstmdb::app
