// A parsed JSON text: strict (RFC 8259, valid UTF-8, no duplicate member survives), with the text
// of numbers kept as it came in, so 9007199254740993, 18446744073709551615 and 0.1 go out as they
// arrived.
//
// Parsing writes the value once, in *normal form*, into text(): no white space, strings escaped in
// the one way of json/writer.h, of equal keys the last value (at the place of the first). Every
// Value is a view of that text, so storing or sending a part of a request is a copy of bytes, never
// a second formatting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"
#include "json/tape.h"

namespace rstmdb::json {

/// For messages: "null", "boolean", "number", "string", "array" or "object".
std::string_view type_name(Type type);

class Document;

/// A place in a Document; as cheap as a pointer and valid until the document is parsed again or
/// destroyed. A default-made Value is *absent*: what a lookup gives for a member that is not there.
class Value {
 public:
  Value() = default;

  bool present() const { return tape_ != nullptr; }
  explicit operator bool() const { return present(); }

  /// Type of a present value.
  Type type() const {
    RSTMDB_CHECK(present(), "type() of an absent value");
    return node().type;
  }
  bool is_null() const { return present() && node().type == Type::kNull; }
  bool is_bool() const {
    return present() && (node().type == Type::kTrue || node().type == Type::kFalse);
  }
  bool is_number() const { return present() && node().type == Type::kNumber; }
  bool is_string() const { return present() && node().type == Type::kString; }
  bool is_array() const { return present() && node().type == Type::kArray; }
  bool is_object() const { return present() && node().type == Type::kObject; }

  /// The value as JSON in normal form; numbers keep their text, strings their quotes.
  std::string_view text() const {
    return present() ? tape_->node_text(node()) : std::string_view();
  }
  /// A string's content without quotes and escapes. Only for strings.
  std::string_view string() const {
    RSTMDB_CHECK(is_string(), present() ? text() : "string() of an absent value");
    if (node().escaped) return tape_->plain_at(node().aux);
    return tape_->stretch(node().begin + 1, node().end - 1);
  }
  /// True for `true`. Only for booleans.
  bool boolean() const { return type() == Type::kTrue; }

  /// Number of members or elements. Only for objects and arrays.
  uint32_t size() const {
    RSTMDB_CHECK(is_array() || is_object(), present() ? text() : "size() of an absent value");
    return node().aux;
  }
  /// Member `key` of an object, or an absent value (also when this is absent or no object).
  Value operator[](std::string_view key) const {
    if (!is_object()) return {};
    for (Value member = first(); member; member = member.next()) {
      if (member.key() == key) return member;
    }
    return {};
  }

  /// Walks the elements of an array or the members of an object, in order:
  ///   for (Value e = v.first(); e; e = e.next()) use(e.key(), e);
  Value first() const {
    if ((!is_object() && !is_array()) || node().aux == 0) return {};
    return Value(*tape_, node_ + 1);
  }
  Value next() const {
    if (!present() || node().end >= tape_->text_size || tape_->text[node().end] != ',') return {};
    return Value(*tape_, node().after);
  }
  /// The member's key, unescaped; "" for an element of an array and for the root.
  std::string_view key() const {
    if (!present()) return {};
    return node().key_escaped ? tape_->plain_at(node().key_plain) : tape_->raw_key(node());
  }

 private:
  friend class Document;
  Value(const Tape& tape, uint32_t node) : tape_(&tape), node_(node) {}
  const Node& node() const { return tape_->nodes[node_]; }

  const Tape* tape_ = nullptr;
  uint32_t node_ = 0;
};

/// Owns the text and the tree; can be moved, not copied. Reuse one object for many texts: it keeps
/// its memory.
class Document {
 public:
  using Limits = ParseLimits;

  /// Parses the whole of `text`. On failure the document is empty and the error is kBadRequest with
  /// details byte (0-based), line and column (1-based, column in bytes) and reason: syntax, utf8
  /// (bytes that are no UTF-8, half a surrogate pair), depth, members, incomplete (the text ends
  /// too early), trailing (something follows the value), number (an exponent beyond 2147483647;
  /// the only legal numbers that are refused) or size (4 GiB).
  Result<void> parse(std::string_view text, const Limits& limits) {
    if (!tape_) tape_ = std::make_unique<Tape>();
    return parse_into(*tape_, text, limits);
  }
  Result<void> parse(std::string_view text) { return parse(text, Limits()); }

  /// Bytes of memory that it keeps for the next text, besides its own.
  size_t kept_bytes() const {
    if (!tape_) return 0;
    return tape_->nodes.capacity() * sizeof(Node) + tape_->text.capacity() +
           tape_->plain.capacity();
  }

  /// The root value; absent before the first successful parse.
  Value root() const { return tape_ && !tape_->nodes.empty() ? Value(*tape_, 0) : Value(); }
  /// The root's text in normal form.
  std::string_view text() const {
    return tape_ ? std::string_view(tape_->text.data(), tape_->text_size) : std::string_view();
  }

 private:
  std::unique_ptr<Tape> tape_;  // made by the first parse; values point to it
};

}  // namespace rstmdb::json
