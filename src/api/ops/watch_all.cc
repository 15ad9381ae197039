#include "api/ops/names.h"
#include "api/ops/ops.h"
#include "api/ops/watch_wish.h"

namespace rstmdb::api {
namespace {

using P = params::WatchAllParam;

std::vector<std::string> names_of(const Params& params, P param) {
  std::vector<std::string> names;
  each_name(params.value(param), [&](std::string_view name) { names.emplace_back(name); });
  return names;
}

}  // namespace

Result<DependsOn> watch_all(const Context& context, const Params& params, json::Writer& result) {
  watch::Wish wish;
  wish.filter.machines = names_of(params, P::kMachines);
  wish.filter.events = names_of(params, P::kEvents);
  wish.filter.from_states = names_of(params, P::kFromStates);
  wish.filter.to_states = names_of(params, P::kToStates);
  RSTMDB_TRY(read_watch_params<P>(params, wish));
  const uint64_t head = context.node.head();
  RSTMDB_ASSIGN(const DependsOn depends_on,
                begin_watching(context, std::move(wish), {head}, result));
  result.member("wal_offset", head);
  return depends_on;
}

}  // namespace rstmdb::api
