// Writes JSON by appending to a string that the caller owns. One way of writing each string: the
// two-character escapes where JSON has them (\" \\ \b \f \n \r \t), \u00xx for the other control
// characters, all else as UTF-8.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace rstmdb::json {

/// Appends `text` quoted and escaped. `text` must be valid UTF-8 (everything that came in through
/// Document is).
void append_string(std::string& out, std::string_view text);
void append_number(std::string& out, uint64_t number);
void append_number(std::string& out, int64_t number);

/// Writes objects and arrays with the commas in the right places. Not a validator: the caller
/// balances open and close. Every call returns the writer, to be chained.
///   Writer(out).open_object().member("id", id).member("ctx", RawJson{text}).close_object();
struct RawJson {
  std::string_view text;  // already JSON
};

/// A member's name that stands in our code; that it needs no escape is checked when that is
/// compiled, so writing it does not look for one.
struct Key {
  template <size_t kSize>
  consteval Key(const char (&literal)[kSize]) : text(literal, kSize - 1) {
    for (const char c : text) {
      if (c < 0x20 || c == '"' || c == '\\') throw "a name that needs an escape";
    }
  }
  std::string_view text;
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& open_object();
  Writer& close_object();
  Writer& open_array();
  Writer& close_array();
  Writer& key(std::string_view key);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(bool flag);
  Writer& value(uint64_t number);
  Writer& value(int64_t number);
  Writer& value(uint32_t number) { return value(static_cast<uint64_t>(number)); }
  Writer& value(int number) { return value(static_cast<int64_t>(number)); }
  Writer& value(RawJson json);
  Writer& null();

  template <class T>
  Writer& member(Key name, const T& content) {
    return plain_key(name.text).value(content);
  }
  template <class Name, class T>
    requires std::same_as<Name, std::string_view> || std::same_as<Name, std::string>
  Writer& member(const Name& name, const T& content) {
    return key(name).value(content);
  }

 private:
  Writer& plain_key(std::string_view name) {
    const size_t old = out_.size();
    const size_t size = old + name.size() + (comma_ ? 4 : 3);
    // What the function is told as size may be more than what was asked for.
    out_.resize_and_overwrite(size, [&](char* bytes, size_t) {
      char* at = bytes + old;
      if (comma_) *at++ = ',';
      *at++ = '"';
      std::memcpy(at, name.data(), name.size());
      std::memcpy(at + name.size(), "\":", 2);
      return size;
    });
    comma_ = false;
    return *this;
  }
  void separate();
  std::string& out_;
  bool comma_ = false;
};

}  // namespace rstmdb::json
