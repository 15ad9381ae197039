#include "api/ops/ops.h"
#include "api/ops/write_step.h"

namespace rstmdb::api {

Result<DependsOn> flush_all(const Context& context, const Params&, json::Writer& result) {
  if (!context.facts.flush_all_allowed) {
    return Error(Code::kBadRequest, "FLUSH_ALL is off; storage.allow_flush_all turns it on")
        .with("path", "op");
  }
  const uint64_t instances = context.node.state().live().count();
  const uint64_t machines = context.node.state().machines().by_name().size();
  RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
  write.decide(engine::FlushAll{});
  RSTMDB_ASSIGN(const uint64_t offset, write.commit());
  result.member("flushed", true)
      .member("instances_removed", instances)
      .member("machines_removed", machines);
  return DependsOn{offset};
}

}  // namespace rstmdb::api
