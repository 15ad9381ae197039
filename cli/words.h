// A line of the REPL to words, as a shell would split it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rstmdb::cli {

/// Words are separated by white space; '…' keeps everything, "…" all but \" and \\, a backslash
/// outside keeps the next character. A # at the beginning of a word starts a comment. nullopt when
/// a quote is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line);

}  // namespace rstmdb::cli
