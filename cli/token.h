// The command hash-token: a token's line for the server's configuration, and new tokens.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "arguments.h"
#include "json_input.h"

namespace rstmdb::cli {

/// 256 random bits in hex.
std::string new_token();

/// The line of `token` as auth.token_hashes and the secrets file take it: its SHA-256 and what
/// --name, --role and --expires say. Checked by the server's own reader.
std::variant<std::string, InputError> token_line(const std::string& token,
                                                 const Invocation& invocation);

}  // namespace rstmdb::cli
