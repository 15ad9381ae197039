#include "api/ops/ops.h"
#include "api/ops/write_step.h"

namespace rstmdb::api {
namespace {

using P = params::CreateInstanceParam;

Result<engine::Outcome> decide(node::Sequencer::Write& write, const Params& params) {
  engine::CreateInstance command;
  command.machine = params.text(P::kMachine);
  command.version = static_cast<uint32_t>(params.number(P::kVersion));
  command.instance_id = params.text(P::kInstanceId);
  if (command.instance_id.empty()) command.generated_id = write.new_id();
  command.context = params.json(P::kInitialCtx);
  command.key = params.text(P::kIdempotencyKey);
  return write.decide(command);
}

void answer(json::Writer& result, const engine::Outcome& outcome) {
  result.member("instance_id", outcome.instance_id)
      .member("state", outcome.to_state)
      .member("wal_offset", outcome.offset);
}

}  // namespace

const WriteStep kCreateInstanceStep = {decide, answer};

Result<DependsOn> create_instance(const Context& context, const Params& params,
                                  json::Writer& result) {
  return run_write(context, params, kCreateInstanceStep, result);
}

}  // namespace rstmdb::api
