// Results for people: one way of showing each operation's answer.
#pragma once

#include <string>
#include <string_view>

#include "output.h"
#include "rstmdb/json.h"

namespace rstmdb::cli {

/// The answer of `op` as text with a line end.
std::string show_result(std::string_view op, const client::Json& result, Colours colours);

/// One line for one transition.
std::string show_notification(const client::Json& event, Colours colours);

}  // namespace rstmdb::cli
