// The operations that may stand in a BATCH, cut in two: deciding, and writing the answer's members.
// Alone or in a batch, the same two functions run.
#pragma once

#include "api/context.h"
#include "api/operation.h"
#include "api/params.h"
#include "engine/decide.h"
#include "json/writer.h"
#include "node/sequencer.h"

namespace rstmdb::api {

struct WriteStep {
  Result<engine::Outcome> (*decide)(node::Sequencer::Write& write, const Params& params);
  void (*answer)(json::Writer& result, const engine::Outcome& outcome);
};

extern const WriteStep kCreateInstanceStep;
extern const WriteStep kApplyEventStep;
extern const WriteStep kDeleteInstanceStep;

/// The step of an operation that may stand in a batch; null for the others.
const WriteStep* write_step_of(Operation operation);

/// Runs one step as a unit of its own.
Result<DependsOn> run_write(const Context& context, const Params& params, const WriteStep& step,
                            json::Writer& result);

/// Who the records of this caller name.
node::Origin origin_of(const Context& context);

}  // namespace rstmdb::api
