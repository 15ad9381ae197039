#include "api/ops/ops.h"
#include "api/ops/refusals.h"

namespace rstmdb::api {
namespace {

using P = params::CountInstancesParam;

void write_count(json::Writer& result, std::string_view state, uint64_t count, uint64_t& total) {
  result.member(state, count);
  total += count;
}

}  // namespace

Result<DependsOn> count_instances(const Context& context, const Params& params,
                                  json::Writer& result) {
  const std::string_view name = params.text(P::kMachine);
  const engine::Machines& machines = context.node.state().machines();
  const engine::Machine* machine = machines.find(name);
  if (machine == nullptr) return no_machine(name);
  uint64_t total = 0;
  result.member("machine", name);
  if (params.has(P::kVersion)) {
    const auto version = static_cast<uint32_t>(params.number(P::kVersion));
    const engine::StoredDefinition* stored = machines.find(name, version);
    if (stored == nullptr) return no_version(name, version);
    const std::vector<std::string>& states = stored->definition.states();
    result.member("version", version).key("states").open_object();
    for (size_t i = 0; i < states.size(); ++i) {
      write_count(result, states[i], stored->counts[i], total);
    }
  } else {
    result.key("states").open_object();
    for (const engine::StateGroup& group : machine->groups) {
      write_count(result, group.state, group.members.count(), total);
    }
  }
  result.close_object().member("total", total).member("wal_offset", context.node.head());
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
