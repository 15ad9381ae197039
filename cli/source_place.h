// Places in a JSON text: from a path or a byte to a line with a caret under it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rstmdb::cli {

/// The byte where the value at `path` (`transitions[2].guard`) begins in `text`, which must be
/// valid JSON; of a path that leads nowhere, the place of its last part that exists.
size_t byte_of_path(std::string_view text, std::string_view path);

/// The byte in `text` of the character that is byte `column` (from 1) of the string whose opening
/// quote is at `quote`, counted after its escapes are taken away.
size_t byte_in_string(std::string_view text, size_t quote, int64_t column);

/// `name:line:column`, the line, and a caret under the byte:
///
///     order.json:7:25
///       7 |       "guard": "ctx.total >"
///         |                            ^
///
/// A long line is cut around the place.
std::string show_place(std::string_view name, std::string_view text, size_t byte);

}  // namespace rstmdb::cli
