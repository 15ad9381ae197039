#include <algorithm>

#include "api/ops/ops.h"
#include "api/ops/refusals.h"
#include "api/ops/watch_wish.h"

namespace rstmdb::api {
namespace {

using P = params::WatchInstanceParam;

}  // namespace

Result<DependsOn> watch_instance(const Context& context, const Params& params,
                                 json::Writer& result) {
  const std::string_view id = params.text(P::kInstanceId);
  const engine::State& state = context.node.state();
  const auto slot = state.instances().find(id);
  if (!slot) return no_instance(id);
  const engine::Instance& instance = state.instances().at(*slot);
  watch::Wish wish;
  wish.filter.instance_id = id;
  RSTMDB_TRY(read_watch_params<P>(params, wish));
  // Whoever was away while it was deleted has not seen its end yet.
  if (instance.deleted() && !wish.from) return no_instance(id);
  // Where it has not changed since, the log holds nothing for it, and need not reach back so far.
  if (wish.from && instance.last_offset < *wish.from)
    wish.from = std::max(*wish.from, context.node.log().next_offset());
  // Not of the instance's last record alone: an older answer on the connection may wait for more,
  // and this one behind it, while the stream would have begun.
  RSTMDB_ASSIGN(const DependsOn depends_on,
                begin_watching(context, std::move(wish), {context.node.head()}, result));
  const engine::StoredDefinition& stored = state.machines().at(instance.definition);
  result.member("instance_id", id)
      .member("current_state", std::string_view(stored.state_name(instance.state)))
      .member("current_wal_offset", instance.last_offset);
  if (instance.deleted()) result.member("deleted", true);
  return depends_on;
}

}  // namespace rstmdb::api
