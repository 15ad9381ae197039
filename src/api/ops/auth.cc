#include "api/ops/ops.h"
#include "api/standing.h"

namespace rstmdb::api {
namespace {

using P = params::AuthParam;

}  // namespace

Result<DependsOn> auth(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view token = params.text(P::kToken);
  // A server that knows no token and asks for none takes any: clients send theirs everywhere.
  if (context.facts.credentials.has_tokens() || context.facts.auth_required) {
    RSTMDB_ASSIGN(const Principal* principal,
                  check_token(context.caller, context.facts, context.guesses, context.node, token));
    identify_as(context.caller, context.facts, *principal, Credentials::token_proof(token));
  }
  result.member("authenticated", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
