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
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace rstmdb::json {

enum class Type : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

/// For messages: "null", "boolean", "number", "string", "array" or "object".
std::string_view type_name(Type type);

class Document;

/// A place in a Document; as cheap as a pointer and valid until the document is parsed again or
/// destroyed. A default-made Value is *absent*: what a lookup gives for a member that is not there.
class Value {
 public:
  Value() = default;

  bool present() const { return document_ != nullptr; }
  explicit operator bool() const { return present(); }

  /// Type of a present value.
  Type type() const;
  bool is_null() const { return present() && type() == Type::kNull; }
  bool is_bool() const { return present() && (type() == Type::kTrue || type() == Type::kFalse); }
  bool is_number() const { return present() && type() == Type::kNumber; }
  bool is_string() const { return present() && type() == Type::kString; }
  bool is_array() const { return present() && type() == Type::kArray; }
  bool is_object() const { return present() && type() == Type::kObject; }

  /// The value as JSON in normal form; numbers keep their text, strings their quotes.
  std::string_view text() const;
  /// A string's content without quotes and escapes. Only for strings.
  std::string_view string() const;
  /// True for `true`. Only for booleans.
  bool boolean() const { return type() == Type::kTrue; }

  /// Number of members or elements. Only for objects and arrays.
  uint32_t size() const;
  /// Member `key` of an object, or an absent value (also when this is absent or no object).
  Value operator[](std::string_view key) const;

  /// Walks the elements of an array or the members of an object, in order:
  ///   for (Value e = v.first(); e; e = e.next()) use(e.key(), e);
  Value first() const;
  Value next() const;
  /// The member's key, unescaped; "" for an element of an array and for the root.
  std::string_view key() const;

 private:
  friend class Document;
  Value(const Document* document, uint32_t node) : document_(document), node_(node) {}
  const Document* document_ = nullptr;
  uint32_t node_ = 0;
};

/// Owns the text and the tree. Reuse one object for many texts: it keeps its memory.
class Document {
 public:
  struct Limits {
    size_t depth = limits::kJsonDepthMax;  // at most kJsonAnswerDepthMax
    size_t members = limits::kJsonMembersMax;
  };

  Document();
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  /// Parses the whole of `text`. On failure the document is empty and the error is kBadRequest with
  /// details byte (0-based), line and column (1-based, column in bytes) and reason: syntax, utf8
  /// (bytes that are no UTF-8, half a surrogate pair), depth, members, incomplete (the text ends
  /// too early), trailing (something follows the value), number (an exponent beyond 2147483647;
  /// the only legal numbers that are refused) or size (4 GiB).
  Result<void> parse(std::string_view text, const Limits& limits);
  Result<void> parse(std::string_view text) { return parse(text, Limits()); }

  /// The root value; absent before the first successful parse.
  Value root() const;
  /// The root's text in normal form.
  std::string_view text() const;

 private:
  friend class Value;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rstmdb::json
