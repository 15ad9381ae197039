#include "json_input.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <system_error>

#include "rstmdb/json.h"
#include "source_place.h"

namespace rstmdb::cli {
namespace {

constexpr size_t kInputBytesMax = 16 * 1024 * 1024;

std::variant<JsonInput, InputError> checked(JsonInput input) {
  if (input.text.size() > kInputBytesMax) {
    return InputError{input.name + " is longer than 16 MiB"};
  }
  const auto parsed = client::Json::parse(input.text);
  if (parsed.ok()) return input;
  size_t byte = 0;
  const std::string text = parsed.error().detail("byte");
  std::from_chars(text.data(), text.data() + text.size(), byte);
  return InputError{"not valid JSON: " + parsed.error().message() + "\n" +
                    show_place(input.name, input.text, byte)};
}

/// All of it, or a little more than is taken of anything. A read that fails sets `in`'s bad bit,
/// where an iterator over its buffer would throw.
std::string read_from(std::istream& in) {
  std::string text;
  char chunk[16 * 1024];
  while (text.size() <= kInputBytesMax && (in.read(chunk, sizeof chunk) || in.gcount() > 0)) {
    text.append(chunk, static_cast<size_t>(in.gcount()));
  }
  return text;
}

std::variant<JsonInput, InputError> from_stdin(Stdin input) {
  if (input == Stdin::kTaken) {
    return InputError{"- cannot be used here: the commands come from standard input"};
  }
  return checked({"standard input", read_from(std::cin)});
}

std::variant<JsonInput, InputError> from_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text = read_from(file);
  if (!file.is_open() || file.bad()) {
    return InputError{"cannot read " + path + ": " + std::generic_category().message(errno)};
  }
  return checked({path, std::move(text)});
}

}  // namespace

std::variant<JsonInput, InputError> read_json_value(std::string_view option,
                                                    const std::string& value, Stdin input) {
  if (value == "-") return from_stdin(input);
  if (value.starts_with('@')) return from_file(value.substr(1));
  return checked({std::string(option), value});
}

std::variant<JsonInput, InputError> read_json_file(const std::string& path, Stdin input) {
  return path == "-" ? from_stdin(input) : from_file(path);
}

}  // namespace rstmdb::cli
