// Who a connection is to the server and what it may do, as the model has it: the tokens of the
// settings, and which right each request needs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "ask.h"
#include "config/config.h"

namespace rstmdb::sim {

/// Each may do what the ones before it may.
enum class May : uint8_t { kNothing, kRead, kWrite, kEverything };
/// The right as refusals name it.
std::string_view may_name(May may);
May needed(Ask::Kind kind);

struct Standing {
  May may = May::kEverything;
  std::string_view name = {};  // of the principal; "": none
  // What every request is refused with, and the code in its details; "": by its right alone.
  std::string_view refusal = {};
  std::string_view refusal_detail = {};
};

struct Token {
  std::string_view text;
  Standing standing;  // of who shows it
  bool right() const { return standing.refusal.empty(); }
};

/// Some that are right, of every role, and then some that are not.
std::span<const Token> tokens();
constexpr size_t kRightTokens = 3;
constexpr size_t kAllToken = 0;  // may do everything

/// Settings under which these tokens are known and asked for.
config::Config::Auth token_settings();

}  // namespace rstmdb::sim
