#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace rstmdb::config {
namespace {

/// Builds the tree from the parser's events. The first fault is kept and everything after it
/// ignored, so a hostile file costs no more than its reading.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "a second document; a settings file has one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!plain(mark, "", anchor)) return;
    add(mark, YamlNode::Kind::kNull, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "an alias (*name); write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!plain(mark, tag, anchor)) return;
    add(mark, tag == "!" ? YamlNode::Kind::kQuoted : YamlNode::Kind::kPlain, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (plain(mark, tag, anchor)) open(mark, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (plain(mark, tag, anchor)) open(mark, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  bool failed() const { return fault_.has_value(); }
  Error take_fault() { return std::move(*fault_); }
  YamlNode take_root() { return std::move(root_); }

 private:
  void fail(const YAML::Mark& mark, std::string_view what) {
    if (!fault_) fault_ = error_at(file_, mark.line + 1, mark.column + 1, what);
  }

  /// Whether the value stands for itself: no anchor, no tag. ("?" and "!" are the parser's own
  /// marks for plain and quoted.)
  bool plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) fail(mark, "an anchor (&name); write the value out where it is needed");
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "a tag; values need none here");
    return !fault_;
  }

  bool key_is_next() const {
    return !open_.empty() && open_.back()->kind == YamlNode::Kind::kMap &&
           open_.back()->names.size() == open_.back()->items.size();
  }

  /// Puts a node where it belongs and returns it, or nullptr after a fault.
  YamlNode* add(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& text) {
    YamlNode node{kind,
                  static_cast<uint32_t>(mark.line + 1),
                  static_cast<uint32_t>(mark.column + 1),
                  text,
                  {},
                  {}};
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    YamlNode& parent = *open_.back();
    if (key_is_next()) return add_name(mark, parent, std::move(node));
    parent.items.push_back(std::move(node));
    return &parent.items.back();
  }

  YamlNode* add_name(const YAML::Mark& mark, YamlNode& map, YamlNode name) {
    if (name.kind != YamlNode::Kind::kPlain && name.kind != YamlNode::Kind::kQuoted) {
      fail(mark, "a key that is no name");
      return nullptr;
    }
    const auto same = std::ranges::find(map.names, name.text, &YamlNode::text);
    if (same != map.names.end()) {
      fail(mark,
           "key " + name.text + " is given twice, first in line " + std::to_string(same->line));
      fault_ = std::move(*fault_).with("key", name.text);
      return nullptr;
    }
    map.names.push_back(std::move(name));
    return &map.names.back();
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (open_.size() >= kYamlDepthMax) return fail(mark, "nested too deep");
    YamlNode* node = add(mark, kind, "");
    // A parent's vectors grow only while no child is open, so these pointers stay good.
    if (node != nullptr) open_.push_back(node);
  }

  void close() {
    if (!fault_) open_.pop_back();
  }

  std::string_view file_;
  YamlNode root_;
  std::vector<YamlNode*> open_;  // from the root to the innermost
  std::optional<Error> fault_;
  int documents_ = 0;
};

/// Bytes that no settings file has and that would show up in messages.
std::optional<Error> control_character(std::string_view text, std::string_view file) {
  uint32_t line = 1;
  uint32_t column = 0;
  for (const char c : text) {
    ++column;
    if (c == '\n') {
      ++line;
      column = 0;
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
      return error_at(file, line, column, "a control character");
    }
  }
  return std::nullopt;
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text, std::string_view file) {
  if (auto fault = control_character(text, file)) return std::move(*fault);
  TreeBuilder builder(file);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& fault) {
    if (!builder.failed())
      return error_at(file, fault.mark.line + 1, fault.mark.column + 1, fault.msg);
  }
  if (builder.failed()) return builder.take_fault();
  return builder.take_root();
}

Error error_at(std::string_view file, uint32_t line, uint32_t column, std::string_view what) {
  std::string message(file);
  message += ':' + std::to_string(line) + ':' + std::to_string(column) + ": ";
  return Error(Code::kBadRequest, message.append(what))
      .with("file", file)
      .with("line", line)
      .with("column", column);
}

}  // namespace rstmdb::config
