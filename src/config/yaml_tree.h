// YAML as a settings file needs it: maps, lists and scalars with their places, and nothing that
// makes a reader guess. Refused, with line and column: a key given twice, anchors and aliases,
// tags, keys that are no plain names, a second document, nesting beyond kYamlDepthMax, control
// characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rstmdb::config {

inline constexpr size_t kYamlDepthMax = 8;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kPlain, kQuoted, kList, kMap };
  Kind kind = Kind::kNull;
  uint32_t line = 0;  // from 1
  uint32_t column = 0;
  std::string text;             // of kPlain and kQuoted; of a key in a map
  std::vector<YamlNode> items;  // of kList; of kMap the values, each with its key in names
  std::vector<YamlNode> names;  // of kMap, same order
};

/// The one document of `text`, kNull when there is none. Fails with kBadRequest; details: file,
/// line, column, and key where a key is at fault. `file` is only a name.
Result<YamlNode> parse_yaml(std::string_view text, std::string_view file);

/// An error at a place of the file: "rstmdb.yaml:3:5: " and `what`.
Error error_at(std::string_view file, uint32_t line, uint32_t column, std::string_view what);

}  // namespace rstmdb::config
