// Values of options that are JSON: inline, from a file, or from standard input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace rstmdb::cli {

/// Whether `-` may be read: a REPL that takes its lines from standard input has no second one.
enum class Stdin : uint8_t { kFree, kTaken };

struct JsonInput {
  std::string name;  // of the source, for messages: a path, "standard input" or the option's name
  std::string text;  // as it is in the source
};

/// What is wrong with an input, ready to be printed: a sentence, or one with a place.
struct InputError {
  std::string text;
};

/// The text behind `value` (inline JSON, @FILE or -), checked to be JSON. `option` names it where
/// it is inline.
std::variant<JsonInput, InputError> read_json_value(std::string_view option,
                                                    const std::string& value, Stdin input);
/// The same for a FILE argument: a path or -.
std::variant<JsonInput, InputError> read_json_file(const std::string& path, Stdin input);

}  // namespace rstmdb::cli
