#include "api/ops/watch_wish.h"

#include "api/ops/names.h"

namespace rstmdb::api {

Result<void> read_watch_params(const WatchParams& params, watch::Wish& wish) {
  if (params.from_offset && params.after_offset) {
    return Error(Code::kBadRequest, "give from_offset or after_offset, not both")
        .with("path", "after_offset");
  }
  if (params.from_offset) wish.from = *params.from_offset;
  if (params.after_offset) wish.from = *params.after_offset + 1;
  bool known = true;
  each_name(params.kinds, [&](std::string_view name) {
    const auto kind = watch::find_kind(name);
    known = known && kind;
    if (kind) wish.filter.kinds.add(*kind);
  });
  if (!known) {
    return Error(Code::kBadRequest, "kinds may hold transition, create and delete")
        .with("path", "kinds");
  }
  wish.names_kind = !wish.filter.kinds.empty();
  if (!wish.names_kind) wish.filter.kinds.add(watch::ChangeKind::kTransition);
  return {};
}

Result<DependsOn> begin_watching(const Context& context, watch::Wish wish, DependsOn depends_on,
                                 json::Writer& result) {
  const node::ReleaseGate& gate = context.node.gate();
  // The answer will be refused, and what is refused must not have begun.
  if (gate.failed() && depends_on.offset > gate.committed()) return gate.failure();
  wish.answer_offset = depends_on.offset;
  RSTMDB_ASSIGN(const std::string id,
                context.node.hub().subscribe(context.watcher, std::move(wish)));
  result.member("subscription_id", std::string_view(id));
  return depends_on;
}

}  // namespace rstmdb::api
