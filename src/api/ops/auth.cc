#include "api/ops/ops.h"
#include "base/logging.h"

namespace rstmdb::api {
namespace {

using P = params::AuthParam;
constexpr int64_t kNsPerMs = 1'000'000;

Error refuse(const Context& context, Error error) {
  Caller& caller = context.caller;
  if (++caller.failed_guesses >= limits::kAuthFailuresMax) caller.wants_close = true;
  context.guesses.failed(caller.peer, context.node.clock().steady_ns() / kNsPerMs);
  log_line(Level::kInfo, "a token was refused",
           {{"peer", caller.peer}, {"reason", error.message()}});
  return error;
}

/// Whose token this is, unless the caller's address has guessed too often to be listened to.
Result<const Principal*> check_token(const Context& context, std::string_view token) {
  node::Node& node = context.node;
  const int64_t wait_ms =
      context.guesses.wait_ms(context.caller.peer, node.clock().steady_ns() / kNsPerMs);
  if (wait_ms > 0)
    return Error(Code::kRateLimited, "too many wrong tokens came from this address; wait")
        .with("code", "TOO_MANY_GUESSES")
        .with("retry_after_ms", wait_ms);
  const Principal* principal = context.facts.credentials.find_token(token);
  if (principal == nullptr)
    return refuse(context, Error(Code::kAuthFailed, "the token is not valid"));
  if (principal->expires_ms != 0 && node.clock().wall_ms() >= principal->expires_ms)
    return refuse(
        context,
        Error(Code::kAuthFailed, "the token has expired").with("code", "CREDENTIAL_EXPIRED"));
  return principal;
}

}  // namespace

Result<DependsOn> auth(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view token = params.text(P::kToken);
  // A server that knows no token and asks for none takes any: clients send theirs everywhere.
  if (context.facts.credentials.has_tokens() || context.facts.auth_required) {
    RSTMDB_ASSIGN(const Principal* principal, check_token(context, token));
    identify_as(context.caller, context.facts, *principal, Credentials::token_proof(token));
  }
  result.member("authenticated", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
