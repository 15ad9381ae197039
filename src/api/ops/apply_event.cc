#include "api/ops/ops.h"
#include "api/ops/write_step.h"

namespace rstmdb::api {
namespace {

using P = params::ApplyEventParam;

Result<engine::Outcome> decide(node::Sequencer::Write& write, const Params& params) {
  engine::ApplyEvent command;
  command.instance_id = params.text(P::kInstanceId);
  command.event = params.text(P::kEvent);
  if (params.has(P::kPayload)) command.payload = params.json(P::kPayload);
  if (params.has(P::kExpectedState)) command.expected_state = params.text(P::kExpectedState);
  if (params.has(P::kExpectedWalOffset)) {
    command.expected_offset = params.number(P::kExpectedWalOffset);
  }
  command.event_id = params.text(P::kEventId);
  command.key = params.text(P::kIdempotencyKey);
  return write.decide(command);
}

void answer(json::Writer& result, const engine::Outcome& outcome) {
  result.member("from_state", outcome.from_state)
      .member("to_state", outcome.to_state)
      .member("ctx", json::RawJson{outcome.context})
      .member("wal_offset", outcome.offset)
      .member("applied", outcome.applied);
  if (!outcome.event_id.empty()) result.member("event_id", outcome.event_id);
}

}  // namespace

const WriteStep kApplyEventStep = {decide, answer};

Result<DependsOn> apply_event(const Context& context, const Params& params, json::Writer& result) {
  return run_write(context, params, kApplyEventStep, result);
}

}  // namespace rstmdb::api
