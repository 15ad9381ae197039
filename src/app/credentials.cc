#include "app/credentials.h"

#include "base/check.h"

namespace rstmdb::app {
namespace {

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

}  // namespace rstmdb::app
