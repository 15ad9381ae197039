#include "json/document.h"

#include "base/check.h"
#include "json/tape.h"

namespace rstmdb::json {

struct Document::Parts : Tape {};

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kFalse:
    case Type::kTrue:
      return "boolean";
    case Type::kNumber:
      return "number";
    case Type::kString:
      return "string";
    case Type::kArray:
      return "array";
    case Type::kObject:
      return "object";
  }
  check_failed(__FILE__, __LINE__, "a Type", std::to_string(static_cast<int>(type)));
}

Document::Document() : parts_(std::make_unique<Parts>()) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<void> Document::parse(std::string_view text, const Limits& limits) {
  if (!parts_) parts_ = std::make_unique<Parts>();
  return parse_into(*parts_, text, limits);
}

Value Document::root() const { return parts_ && !parts_->nodes.empty() ? Value(this, 0) : Value(); }

std::string_view Document::text() const {
  return parts_ ? std::string_view(parts_->text).substr(0, parts_->text_size) : std::string_view();
}

Type Value::type() const {
  RSTMDB_CHECK(present(), "type() of an absent value");
  return document_->parts_->nodes[node_].type;
}

std::string_view Value::text() const {
  if (!present()) return {};
  return document_->parts_->node_text(document_->parts_->nodes[node_]);
}

std::string_view Value::string() const {
  RSTMDB_CHECK(is_string(), present() ? text() : "string() of an absent value");
  const Tape& tape = *document_->parts_;
  const Node& node = tape.nodes[node_];
  if (node.escaped) return tape.plain_at(node.aux);
  return std::string_view(tape.text).substr(node.begin + 1, node.end - node.begin - 2);
}

uint32_t Value::size() const {
  RSTMDB_CHECK(is_array() || is_object(), present() ? text() : "size() of an absent value");
  return document_->parts_->nodes[node_].aux;
}

Value Value::operator[](std::string_view key) const {
  if (!is_object()) return {};
  for (Value member = first(); member; member = member.next()) {
    if (member.key() == key) return member;
  }
  return {};
}

Value Value::first() const {
  if (!is_object() && !is_array()) return {};
  return size() > 0 ? Value(document_, node_ + 1) : Value();
}

Value Value::next() const {
  if (!present()) return {};
  const Tape& tape = *document_->parts_;
  const Node& node = tape.nodes[node_];
  if (node.end >= tape.text_size || tape.text[node.end] != ',') return {};
  return Value(document_, node.after);
}

std::string_view Value::key() const {
  if (!present()) return {};
  const Tape& tape = *document_->parts_;
  const Node& node = tape.nodes[node_];
  return node.key_escaped ? tape.plain_at(node.key_plain) : tape.raw_key(node);
}

}  // namespace rstmdb::json
