// Checking a definition with the server's own code, and drawing the eye to what is wrong.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "json_input.h"

namespace rstmdb::cli {

struct ValidDefinition {
  std::string checksum;
  size_t states = 0;
  size_t events = 0;
  size_t transitions = 0;
};

/// Why a definition is refused.
struct DefinitionError {
  std::string message;
  std::string path;    // `transitions[2].guard`; "" = the whole
  int64_t column = 0;  // in the guard's text, from 1; 0 = none
};

std::variant<ValidDefinition, DefinitionError> validate_definition(const std::string& text);

/// The place of `error` in its source, as show_place() gives it.
std::string show_definition_error(const JsonInput& source, const DefinitionError& error);

}  // namespace rstmdb::cli
