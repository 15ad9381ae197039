#include "api/ops/ops.h"
#include "api/ops/refusals.h"

namespace rstmdb::api {
namespace {

using P = params::GetInstanceParam;

}  // namespace

Result<DependsOn> get_instance(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view id = params.text(P::kInstanceId);
  const engine::State& state = context.node.state();
  const auto slot = state.instances().find(id);
  if (!slot || state.instances().at(*slot).deleted()) return no_instance(id);
  const engine::Instance& instance = state.instances().at(*slot);
  const engine::StoredDefinition& stored = state.machines().at(instance.definition);
  result.member("instance_id", id)
      .member("id", id)
      .member("machine", std::string_view(stored.machine->name))
      .member("version", stored.version)
      .member("state", std::string_view(stored.state_name(instance.state)))
      .member("ctx", json::RawJson{instance.context()});
  if (!instance.last_event_id().empty()) result.member("last_event_id", instance.last_event_id());
  result.member("last_wal_offset", instance.last_offset)
      .member("created_at", instance.created_at)
      .member("updated_at", instance.updated_at);
  return DependsOn{instance.last_offset};
}

}  // namespace rstmdb::api
