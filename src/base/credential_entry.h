// Who may come in, as it stands in the settings: one line of text for each token, one for each
// client certificate.
//
//   <64 hex digits: SHA-256 of the token> [name=NAME] [role=read|write|admin] [expires=TIME]
//   <subject of the certificate, RFC 2253> role=read|write|admin
//
// TIME is RFC 3339, for example 2027-01-31T00:00:00Z. Without name a token is called token: and the
// first eight digits; without role it may do everything. No refusal shows a part of a line that
// could be a token written there by mistake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

namespace rstmdb {

/// Each may do what the ones before it may.
enum class Role : uint8_t { kRead, kWrite, kAdmin };
std::string_view role_name(Role role);

struct TokenEntry {
  Sha256 digest{};
  std::string name;
  Role role = Role::kAdmin;
  int64_t expires_ms = 0;  // Unix time from which on it is not valid any more; 0: never
  bool operator==(const TokenEntry&) const = default;
};

struct CertificateEntry {
  std::string subject;
  Role role = Role::kRead;
  bool operator==(const CertificateEntry&) const = default;
};

/// Both fail with the reason alone ("has …"); the caller knows the place.
Result<TokenEntry> parse_token(std::string_view line);
Result<CertificateEntry> parse_certificate(std::string_view line);

/// Unix milliseconds of an RFC 3339 time, or nothing. Fractions of a second are dropped.
Result<int64_t> parse_time(std::string_view text);

}  // namespace rstmdb
