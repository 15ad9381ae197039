// Reading JSON that came from the server: contexts, payloads, definitions, log entries.
//
// JSON crosses the library's interface as text, and this class is a convenience to look into it.
// Numbers keep their text, so 9007199254740993 and 0.1 are what the server has stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rstmdb/result.h"

namespace rstmdb::client {

/// A place in a parsed JSON text, read only; copies share the text. A lookup that finds nothing
/// gives an absent Json, of which further lookups are absent too.
class Json {
 public:
  enum class Type : uint8_t { kAbsent, kNull, kBool, kNumber, kString, kArray, kObject };

  /// Parses one whole JSON text, strictly. Fails with kind kArgument and the details byte, line and
  /// column (1-based) and reason.
  static Result<Json> parse(std::string_view text);

  /// An absent value.
  Json() = default;

  Type type() const;
  bool present() const { return node_ != nullptr; }
  explicit operator bool() const { return present(); }
  bool is_null() const { return type() == Type::kNull; }
  bool is_string() const { return type() == Type::kString; }
  bool is_number() const { return type() == Type::kNumber; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_object() const { return type() == Type::kObject; }

  /// A member of an object.
  Json operator[](std::string_view key) const;
  Json operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  /// An element of an array.
  Json element(size_t index) const;
  /// Follows a path of member names and indexes: `order.items[2].price`.
  Json at(std::string_view path) const;

  /// Number of members or elements; 0 for everything else.
  size_t size() const;
  std::vector<Json> elements() const;
  std::vector<std::pair<std::string, Json>> members() const;

  /// The value as JSON without white space; "" when absent.
  std::string_view text() const;
  /// A string's content; "" for everything else.
  std::string_view string() const;
  /// The number's own text, as exact as it was written; "" for everything else.
  std::string_view number_text() const;
  std::optional<bool> as_bool() const;
  /// The number when it is an integer that fits.
  std::optional<int64_t> as_int64() const;
  std::optional<uint64_t> as_uint64() const;
  /// The nearest double of any number.
  std::optional<double> as_double() const;

 private:
  struct Node;
  explicit Json(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

/// `text` as a JSON string with its quotes: for building payloads by hand. Bytes that are not UTF-8
/// become U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace rstmdb::client
