// The command line, and lines of the REPL, as values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "command_table.h"
#include "rstmdb/options.h"

namespace rstmdb::cli {

/// How the process ends; docs/cli.md and --help list the same.
inline constexpr int kExitOk = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConnection = 3;
inline constexpr int kExitTimeout = 4;
inline constexpr int kExitProtocol = 5;
inline constexpr int kExitOutput = 6;

enum class Form : uint8_t { kHuman, kJson };
enum class Talk : uint8_t { kQuiet, kVerbose };

struct Globals {
  client::Options server = {};
  Form form = Form::kHuman;
  Talk talk = Talk::kQuiet;
};

/// One command with the texts of its options, by OptionSpec::param. Flags hold "".
struct Invocation {
  const CommandSpec* command = nullptr;  // nullptr = none: the REPL
  std::map<std::string, std::vector<std::string>> values;

  /// The first value of `param`, or nullopt.
  std::optional<std::string> value(std::string_view param) const;
};

struct Arguments {
  Globals globals;
  Invocation invocation;
};

/// An exit code instead when there is nothing to run: help and version have been printed (0), or
/// the error (2).
std::variant<Arguments, int> parse_arguments(int argc, char** argv);

/// A line of the REPL, in words. The error is a sentence.
std::variant<Invocation, std::string> parse_words(const std::vector<std::string>& words);

/// Usage and options of one command.
std::string help_of(const CommandSpec& command);

}  // namespace rstmdb::cli
