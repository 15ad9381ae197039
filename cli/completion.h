// What the Tab key offers: commands, options, and names asked from the server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rstmdb::cli {

/// Names that only the server knows.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  virtual std::vector<std::string> machines() = 0;
  virtual std::vector<std::string> states() = 0;
  virtual std::vector<std::string> events() = 0;
};

struct Completion {
  std::string word;                     // what the line has of the word under the cursor
  std::vector<std::string> candidates;  // whole words that begin with it, sorted
};

/// Completes the last word of `line` (the text before the cursor).
Completion complete(std::string_view line, Vocabulary& vocabulary);

/// The longest common beginning of `words`; "" of none.
std::string common_prefix(const std::vector<std::string>& words);

}  // namespace rstmdb::cli
