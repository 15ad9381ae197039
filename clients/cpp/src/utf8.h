// Whether bytes are UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF): every string
// of a request must be, or the server could not even read the request's id.
#pragma once

#include <string>
#include <string_view>

namespace rstmdb::client {

/// Length of the valid sequence at the front of `text` (1 to 4), or 0 when there is none.
size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);
/// `text` with U+FFFD in place of every byte that belongs to no valid sequence.
std::string repair_utf8(std::string_view text);

}  // namespace rstmdb::client
