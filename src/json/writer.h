// Writes JSON by appending to a string that the caller owns. One way of writing each string: the
// two-character escapes where JSON has them (\" \\ \b \f \n \r \t), \u00xx for the other control
// characters, all else as UTF-8.
#pragma once

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
  Writer& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  /// The same for a name that stands in our code and needs no escape, which spares looking for one.
  template <size_t kSize, class T>
  Writer& member(const char (&name)[kSize], const T& content) {
    return literal_key({name, kSize - 1}).value(content);
  }

 private:
  Writer& literal_key(std::string_view name) {
    const size_t old = out_.size();
    out_.resize_and_overwrite(old + name.size() + (comma_ ? 4 : 3), [&](char* bytes, size_t size) {
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
