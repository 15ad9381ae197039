// What a parsed text is kept in: one line of nodes in the order of the text (a parent before its
// children), the text in normal form, and the unescaped form of those strings that need one.
//
// Nodes name places by offset, never by pointer, so everything may grow and be moved while it is
// filled. What must hold: the text of a node is text[begin, end); its subtree is nodes
// [itself, after); a member's key stands right before it as `"key":`; and a value has a next
// sibling exactly when a comma follows it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace rstmdb::json {

enum class Type : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

/// Bounds of one parse.
struct ParseLimits {
  size_t depth = limits::kJsonDepthMax;  // at most kJsonAnswerDepthMax
  size_t members = limits::kJsonMembersMax;
};

/// How a member takes part in its object when a key comes more than once.
enum class Repeat : uint8_t {
  kNone,
  kReplaced,  // first of its key: stays, with the value of node `aux`
  kDropped,   // later of its key: goes
};

struct Node {
  uint32_t begin = 0;      // of the value in text
  uint32_t end = 0;        // one past it
  uint32_t after = 0;      // the node after this one's subtree
  uint32_t key_size = 0;   // raw, without quotes; 0 outside of objects
  uint32_t key_plain = 0;  // place of the unescaped key in `plain`, when key_escaped
  uint32_t aux = 0;        // objects, arrays: number of children; escaped strings: place in `plain`
  Type type = Type::kNull;
  bool escaped = false;      // a string whose text holds a backslash
  bool key_escaped = false;  // the same for the key
  Repeat repeat = Repeat::kNone;
};
static_assert(sizeof(Node) == 28);

struct Tape {
  std::vector<Node> nodes;
  std::string text;  // only the first text_size bytes count: shrinking and growing again would cost
  size_t text_size = 0;
  std::string plain;  // unescaped strings, each as u32 size (host order) and bytes

  void clear();
  std::string_view node_text(const Node& node) const { return stretch(node.begin, node.end); }
  std::string_view raw_key(const Node& node) const {
    if (node.key_size == 0) return {};
    return stretch(node.begin - 2 - node.key_size, node.begin - 2);
  }
  /// The unescaped string that `keep_plain` put at `place`.
  std::string_view plain_at(uint32_t place) const {
    uint32_t size = 0;
    std::memcpy(&size, plain.data() + place, sizeof size);
    return {plain.data() + place + sizeof size, size};
  }
  /// The text from `begin` up to `end`, both from a node.
  std::string_view stretch(uint32_t begin, uint32_t end) const {
    return {text.data() + begin, end - begin};
  }
  /// Unescapes `raw`, in normal form, into `plain` and gives its place.
  uint32_t keep_plain(std::string_view raw);
  /// Rewrites nodes and text without the members that a later one of the same key replaces.
  void drop_repeats();
};

/// Fills `tape` from `text`; on failure the tape is cleared. Errors as of Document::parse.
Result<void> parse_into(Tape& tape, std::string_view text, const ParseLimits& limits);

}  // namespace rstmdb::json
