#include "words.h"

namespace rstmdb::cli {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Appends the quoted text at the front of `rest` and drops it; false when it has no end.
bool take_quoted(std::string_view& rest, std::string& word) {
  const char quote = rest.front();
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != quote) {
    const bool escaped =
        quote == '"' && rest.size() > 1 && rest[0] == '\\' && (rest[1] == '"' || rest[1] == '\\');
    if (escaped) rest.remove_prefix(1);
    word += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') return words;
    std::string word;
    while (!line.empty() && !is_space(line.front())) {
      if (line.front() == '\'' || line.front() == '"') {
        if (!take_quoted(line, word)) return std::nullopt;
        continue;
      }
      if (line.front() == '\\' && line.size() > 1) line.remove_prefix(1);
      word += line.front();
      line.remove_prefix(1);
    }
    words.push_back(std::move(word));
  }
}

}  // namespace rstmdb::cli
