#include "app/credentials.h"

#include "base/check.h"
#include "base/logging.h"

namespace rstmdb::app {
namespace {

constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;
constexpr int64_t kExpiresSoonDays = 14;

api::Access access_of(Role role) {
  switch (role) {
    case Role::kRead:
      return api::Access::kRead;
    case Role::kWrite:
      return api::Access::kWrite;
    case Role::kAdmin:
      return api::Access::kAdmin;
  }
  check_failed(__FILE__, __LINE__, "known role", "");
}

}  // namespace

api::Credentials credentials_of(const config::Config::Auth& auth) {
  api::Credentials credentials;
  for (const TokenEntry& token : auth.tokens)
    credentials.add_token(token.digest, {token.name, access_of(token.role), token.expires_ms});
  for (const CertificateEntry& certificate : auth.certificates)
    credentials.add_certificate(certificate.subject,
                                {certificate.subject, access_of(certificate.role), 0});
  return credentials;
}

Result<io::TlsContext> load_tls(const config::Config::Tls& tls, int64_t wall_ms) {
  using Asked = io::TlsContext::ClientCertificate;
  RSTMDB_ASSIGN(
      io::TlsContext context,
      io::TlsContext::load(
          {.cert_path = tls.cert_path,
           .key_path = tls.key_path,
           .client_ca_path = tls.client_ca_path,
           .client_crl_path = tls.client_crl_path,
           .client_certificate = tls.require_client_cert ? Asked::kRequired : Asked::kOptional}));
  const int64_t left_ms = context.expires_ms() - wall_ms;
  const int64_t days = left_ms / kDayMs;
  if (left_ms <= 0) {
    log_line(Level::kWarn, "the server's certificate has EXPIRED; clients will refuse it",
             {{"file", tls.cert_path}});
  } else {
    log_line(days < kExpiresSoonDays ? Level::kWarn : Level::kInfo,
             "the server's certificate was read", {{"file", tls.cert_path}, {"days_left", days}});
  }
  return context;
}

}  // namespace rstmdb::app
