// Access to the tape, and the rewriting of a text in which keys come more than once.
//
// Repeats are only marked while parsing. The rewriting runs once over the whole tape when there was
// one, so that repeats inside repeats cost no more than the text is long.
#include "json/tape.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "json/escape.h"

namespace rstmdb::json {
namespace {

/// Copies a tape without its dropped members.
class Rewrite {
 public:
  explicit Rewrite(const Tape& from) : from_(from) {
    nodes_.reserve(from.nodes.size());
    text_.reserve(from.text_size);
  }

  void run() {
    value(0, 0);
    while (depth_ > 0) step();
  }
  std::vector<Node>& nodes() { return nodes_; }
  std::string& text() { return text_; }

 private:
  struct Open {
    uint32_t next;   // child to come, in the old tape
    uint32_t end;    // where its children end there
    uint32_t fresh;  // the container in the new tape
    uint32_t children;
  };

  /// Writes the value of `source` under the key of `place`.
  void value(uint32_t source, uint32_t place) {
    const Node& old = from_.nodes[source];
    const auto fresh = static_cast<uint32_t>(nodes_.size());
    Node& node = nodes_.emplace_back(old);
    node.repeat = Repeat::kNone;
    node.key_size = from_.nodes[place].key_size;
    node.key_plain = from_.nodes[place].key_plain;
    node.key_escaped = from_.nodes[place].key_escaped;
    node.begin = static_cast<uint32_t>(text_.size());
    if (old.type == Type::kArray || old.type == Type::kObject) {
      text_.push_back(from_.text[old.begin]);
      open_[depth_++] = Open{source + 1, old.after, fresh, 0};
      return;
    }
    text_.append(from_.node_text(old));
    node.end = static_cast<uint32_t>(text_.size());
    node.after = fresh + 1;
  }

  void step() {
    Open& open = open_[depth_ - 1];
    if (open.next == open.end) return close(open);
    const uint32_t place = open.next;
    const Node& child = from_.nodes[place];
    open.next = child.after;
    if (child.repeat == Repeat::kDropped) return;
    if (open.children++ > 0) text_.push_back(',');
    if (nodes_[open.fresh].type == Type::kObject) {
      text_.push_back('"');
      text_.append(from_.raw_key(child));
      text_.append("\":");
    }
    value(child.repeat == Repeat::kReplaced ? child.aux : place, place);
  }

  void close(const Open& open) {
    Node& node = nodes_[open.fresh];
    text_.push_back(node.type == Type::kObject ? '}' : ']');
    node.end = static_cast<uint32_t>(text_.size());
    node.after = static_cast<uint32_t>(nodes_.size());
    node.aux = open.children;
    --depth_;
  }

  const Tape& from_;
  std::vector<Node> nodes_;
  std::string text_;
  std::array<Open, limits::kJsonAnswerDepthMax> open_;
  size_t depth_ = 0;
};

}  // namespace

void Tape::clear() {
  nodes.clear();
  text_size = 0;
  plain.clear();
}

uint32_t Tape::keep_plain(std::string_view raw) {
  const auto place = static_cast<uint32_t>(plain.size());
  plain.append(sizeof(uint32_t), '\0');
  while (!raw.empty()) {
    const size_t backslash = std::min(raw.find('\\'), raw.size());
    plain.append(raw, 0, backslash);
    raw.remove_prefix(backslash);
    if (!raw.empty()) plain.push_back(static_cast<char>(take_content_byte(raw)));
  }
  const auto size = static_cast<uint32_t>(plain.size() - place - sizeof(uint32_t));
  std::memcpy(plain.data() + place, &size, sizeof size);
  return place;
}

void Tape::drop_repeats() {
  Rewrite rewrite(*this);
  rewrite.run();
  nodes.swap(rewrite.nodes());
  text.swap(rewrite.text());
  text_size = text.size();
}

}  // namespace rstmdb::json
