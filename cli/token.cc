#include "token.h"

#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "base/credential_entry.h"
#include "base/hash.h"

namespace rstmdb::cli {

std::string new_token() {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) std::abort();
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : random) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::variant<std::string, InputError> token_line(const std::string& token,
                                                 const Invocation& invocation) {
  std::string line = sha256_hex(token);
  for (const char* option : {"name", "role", "expires"})
    if (const auto value = invocation.value(option)) line += ' ' + (option + ('=' + *value));
  const auto read = parse_token(line);
  if (!read.ok()) return InputError{"the line for the server " + read.error().message()};
  return line;
}

}  // namespace rstmdb::cli
