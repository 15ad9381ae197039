// Reading lines from a terminal: editing keys, history in a file, Tab.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "completion.h"

namespace rstmdb::cli {

class LineEditor {
 public:
  /// `history_path` "" = keep no history. The file is made with mode 0600, as lines may hold data.
  /// Makes the program's LC_CTYPE one of UTF-8: to be made before other threads.
  LineEditor(std::string prompt, std::string history_path, Vocabulary& vocabulary);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line without its end; nullopt at the end of input. Lines go into the history, unless
  /// they are empty or begin with a space.
  std::optional<std::string> next();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rstmdb::cli
