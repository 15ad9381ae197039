#include "api/ops/ops.h"
#include "api/ops/refusals.h"

namespace rstmdb::api {
namespace {

using P = params::GetMachineParam;

}  // namespace

Result<DependsOn> get_machine(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view name = params.text(P::kMachine);
  const engine::Machines& machines = context.node.state().machines();
  const engine::Machine* machine = machines.find(name);
  if (machine == nullptr) return no_machine(name);
  const auto version = static_cast<uint32_t>(
      params.has(P::kVersion) ? params.number(P::kVersion) : machine->versions.rbegin()->first);
  const engine::StoredDefinition* stored = machines.find(name, version);
  if (stored == nullptr) return no_version(name, version);
  result.member("machine", name)
      .member("version", version)
      .member("definition", json::RawJson{stored->definition.canonical()})
      .member("checksum", std::string_view(stored->definition.checksum()));
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
