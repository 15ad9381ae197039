#include "api/ops/ops.h"
#include "base/hash.h"
#include "base/secret.h"

namespace rstmdb::api {
namespace {

using P = params::AuthParam;

/// The configured digest of `token`, or "". Compares with every one, so that time tells nothing.
std::string_view matching_digest(const ServerFacts& facts, std::string_view token) {
  const std::string digest = sha256_hex(token);
  std::string_view match;
  for (const std::string& known : facts.token_hashes) {
    if (equal_in_constant_time(digest, known)) match = known;
  }
  return match;
}

}  // namespace

Result<DependsOn> auth(const Context& context, const Params& params, json::Writer& result) {
  Caller& caller = context.caller;
  if (!context.facts.token_hashes.empty()) {
    const std::string_view digest = matching_digest(context.facts, params.text(P::kToken));
    if (digest.empty()) {
      if (++caller.failed_guesses >= limits::kAuthFailuresMax) caller.wants_close = true;
      return Error(Code::kAuthFailed, "the token is not valid");
    }
    caller.principal = "token:" + std::string(digest.substr(0, 8));
  }
  caller.authenticated = true;
  result.member("authenticated", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
