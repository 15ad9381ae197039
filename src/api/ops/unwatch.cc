#include "api/ops/ops.h"

namespace rstmdb::api {
namespace {

using P = params::UnwatchParam;

}  // namespace

Result<DependsOn> unwatch(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view id = params.text(P::kSubscriptionId);
  if (!context.node.hub().unsubscribe(context.watcher, id)) {
    return Error(Code::kNotFound, "this connection has no such subscription")
        .with("subscription_id", id);
  }
  result.member("subscription_id", id).member("removed", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
