// Settings from hostile bytes: a text before the first NUL is the file, one after it the value of a
// variable. Whatever comes, the answer is settings in their bounds or an error with a place.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/config.h"
#include "config/keys.h"

namespace rstmdb::config {
namespace {

void check_error(const Error& error) {
  RSTMDB_CHECK(error.code() == Code::kBadRequest, error.to_string());
  const bool in_file = error.detail("file") == "fuzz.yaml" && error.detail_number("line", -1) >= 0;
  RSTMDB_CHECK(in_file || !error.detail("variable").empty(), error.to_string());
}

void check_bounds(const Loaded& loaded) {
  for (const Key& key : keys()) {
    if (key.most == 0) continue;
    const uint64_t number = std::stoull(show(key, loaded.config));
    RSTMDB_CHECK(number >= key.least && number <= key.most, key.name);
  }
  for (const TokenEntry& token : loaded.config.auth.tokens)
    RSTMDB_CHECK(!token.name.empty() && token.name.size() <= limits::kPrincipalNameBytesMax,
                 token.name);
  for (const CertificateEntry& certificate : loaded.config.auth.certificates)
    RSTMDB_CHECK(!certificate.subject.empty(), certificate.subject);
}

void run(std::string_view input) {
  const size_t end = input.find('\0');
  Environment environment;
  if (end != std::string_view::npos) {
    const std::string value(input.substr(end + 1));
    const size_t which = value.empty() ? 0 : static_cast<unsigned char>(value.back());
    const Key& key = keys()[which % keys().size()];
    if (!key.variable.empty()) environment.emplace(key.variable, value);
  }
  const auto loaded = read_settings(input.substr(0, end), "fuzz.yaml", environment);
  if (loaded)
    check_bounds(*loaded);
  else
    check_error(loaded.error());
}

}  // namespace
}  // namespace rstmdb::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  rstmdb::config::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
