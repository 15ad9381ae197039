// The command line that both load programs share, and the JSON object that they print.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "load/load.h"

namespace rstmdb::bench {

struct Arguments {
  Plan plan;
  std::string shape = "a";
  std::string operation = "APPLY_EVENT";
  size_t context_bytes = 150;
  uint32_t connections = 0;  // 0: the shape's
  uint32_t pipelined = 0;
  uint32_t watchers = 0;
  bool http = false;  // the port is the gateway's
  bool create = false;
  bool spectrum = false;
};

void add_options(CLI::App& cli, Arguments& arguments);
/// Turns shape and operation into the plan; to be called once everything has been parsed.
void settle(Arguments& arguments);
void print(const Arguments& arguments, const Measured& measured);
/// Says on stderr what went wrong; the exit code.
int fail(const char* program, const Error& error);

}  // namespace rstmdb::bench
