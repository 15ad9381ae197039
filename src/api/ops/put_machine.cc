#include "api/ops/ops.h"
#include "api/ops/write_step.h"

namespace rstmdb::api {
namespace {

using P = params::PutMachineParam;

}  // namespace

Result<DependsOn> put_machine(const Context& context, const Params& params, json::Writer& result) {
  RSTMDB_ASSIGN(const engine::Definition definition,
                engine::Definition::parse(params.value(P::kDefinition)));

  engine::PutMachine command;
  command.machine = params.text(P::kMachine);
  command.version = static_cast<uint32_t>(params.number(P::kVersion));
  command.definition = &definition;
  command.expected_checksum = params.text(P::kChecksum);

  RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
  RSTMDB_ASSIGN(const engine::PutOutcome outcome, write.decide(command));
  if (!write.empty()) RSTMDB_TRY(write.commit());
  result.member("machine", command.machine)
      .member("version", command.version)
      .member("stored_checksum", std::string_view(definition.checksum()))
      .member("created", outcome.created);
  // Put again: the first one may still wait for the disk.
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
