#include "api/ops/ops.h"
#include "api/ops/write_step.h"

namespace rstmdb::api {
namespace {

using P = params::DeleteInstanceParam;

Result<engine::Outcome> decide(node::Sequencer::Write& write, const Params& params) {
  engine::DeleteInstance command;
  command.instance_id = params.text(P::kInstanceId);
  command.key = params.text(P::kIdempotencyKey);
  return write.decide(command);
}

void answer(json::Writer& result, const engine::Outcome& outcome) {
  result.member("instance_id", outcome.instance_id)
      .member("deleted", true)
      .member("wal_offset", outcome.offset);
}

}  // namespace

const WriteStep kDeleteInstanceStep = {decide, answer};

Result<DependsOn> delete_instance(const Context& context, const Params& params,
                                  json::Writer& result) {
  return run_write(context, params, kDeleteInstanceStep, result);
}

}  // namespace rstmdb::api
