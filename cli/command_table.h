// The commands as data: what each is called, which options it has, what it sends and how its result
// is shown. The command line, the help, the completion and the requests are all made from this one
// table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rstmdb::cli {

/// What an option's text becomes in the request.
enum class Kind : uint8_t {
  kText,
  kNumber,
  kJson,   // inline JSON, @FILE, or - for standard input
  kFile,   // FILE or -: its content as JSON
  kNames,  // several, by comma or repeated
  kTrue,   // a flag that sends true
  kFalse,  // a flag that sends false
};

/// What the REPL offers behind an option.
enum class Offers : uint8_t { kNothing, kMachines, kStates, kEvents, kCommands, kFormats };

/// Whether a value must be given.
enum class Need : uint8_t { kOptional, kRequired };

struct OptionSpec {
  std::string_view flags;  // as CLI11 takes them: "-i,--id,INSTANCE"; upper case = by position
  std::string_view param;  // its name in the request, and in Invocation
  Kind kind = Kind::kText;
  Need need = Need::kOptional;
  Offers offers = Offers::kNothing;
  std::string_view fallback = {};  // sent when the option is not given
  std::string_view doc;
};

/// What a command is carried out by.
enum class Runs : uint8_t { kCall, kWrite, kWatch, kGraph, kValidate, kHashToken };

struct CommandSpec {
  std::string_view name;
  std::string_view op = {};  // "" = nothing is sent
  Runs runs = Runs::kCall;   // kWrite: a call that is given an idempotency key
  std::string_view summary;
  std::vector<OptionSpec> options = {};
};

std::span<const CommandSpec> command_table();
/// nullptr when there is no such command.
const CommandSpec* find_command(std::string_view name);

}  // namespace rstmdb::cli
