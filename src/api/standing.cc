#include "api/standing.h"

#include "base/limits.h"
#include "base/logging.h"

namespace rstmdb::api {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

Error ended(const char* code, const char* sentence) {
  return Error(Code::kUnauthorized, sentence).with("code", code);
}

bool expired(int64_t until_ms, int64_t wall_ms) { return until_ms != 0 && wall_ms >= until_ms; }

}  // namespace

Result<const Principal*> check_token(Caller& caller, const ServerFacts& facts, GuessLimits& guesses,
                                     node::Node& node, std::string_view token) {
  const int64_t now_ms = node.clock().steady_ns() / kNsPerMs;
  const int64_t wait_ms = guesses.wait_ms(caller.peer, now_ms);
  if (wait_ms > 0)
    return Error(Code::kRateLimited, "too many wrong tokens came from this address; wait")
        .with("code", "TOO_MANY_GUESSES")
        .with("retry_after_ms", wait_ms);
  const Principal* principal = facts.credentials.find_token(token);
  const bool late = principal != nullptr && expired(principal->expires_ms, node.clock().wall_ms());
  if (principal != nullptr && !late) return principal;
  Error error =
      late ? Error(Code::kAuthFailed, "the token has expired").with("code", "CREDENTIAL_EXPIRED")
           : Error(Code::kAuthFailed, "the token is not valid");
  if (++caller.failed_guesses >= limits::kAuthFailuresMax) caller.wants_close = true;
  guesses.failed(caller.peer, now_ms);
  log_line(Level::kInfo, "a token was refused",
           {{"peer", caller.peer}, {"reason", error.message()}});
  return error;
}

void adopt_certificate(Caller& caller, const ServerFacts& facts, std::string_view subject) {
  if (subject.empty()) return;
  const Principal* known = facts.credentials.find_certificate(subject);
  if (known == nullptr && facts.auth_required) return;
  const Principal principal = known != nullptr ? *known : Principal{.name = std::string(subject)};
  identify_as(caller, facts, principal, {Proof::Kind::kCertificate, std::string(subject)});
}

Result<void> check_credential(const Caller& caller, const ServerFacts& facts,
                              Certificate certificate) {
  if (certificate == Certificate::kNotTrusted)
    return ended("CREDENTIAL_REVOKED", "the certificate of this session does not count any more");
  if (!facts.auth_required || !caller.authenticated()) return {};
  const Principal* now = facts.credentials.find(caller.proof);
  if (now != nullptr && *now == caller.principal) return {};
  return ended("CREDENTIAL_REVOKED", "the credential of this session does not count any more");
}

Result<void> check_expiry(const Caller& caller, const ServerFacts& facts, int64_t certificate_ms,
                          int64_t wall_ms) {
  if (expired(certificate_ms, wall_ms))
    return ended("CREDENTIAL_EXPIRED", "the certificate of this session has expired");
  if (facts.auth_required && expired(caller.principal.expires_ms, wall_ms))
    return ended("CREDENTIAL_EXPIRED", "the credential of this session has expired");
  return {};
}

}  // namespace rstmdb::api
