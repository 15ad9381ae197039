#include "api/ops/write_step.h"

namespace rstmdb::api {

const WriteStep* write_step_of(Operation operation) {
  if (operation == Operation::kCreateInstance) return &kCreateInstanceStep;
  if (operation == Operation::kApplyEvent) return &kApplyEventStep;
  if (operation == Operation::kDeleteInstance) return &kDeleteInstanceStep;
  return nullptr;
}

Result<DependsOn> run_write(const Context& context, const Params& params, const WriteStep& step,
                            json::Writer& result) {
  RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
  RSTMDB_ASSIGN(const engine::Outcome outcome, step.decide(write, params));
  if (!write.empty()) RSTMDB_TRY(write.commit());
  step.answer(result, outcome);
  return DependsOn{outcome.offset};
}

node::Origin origin_of(const Context& context) { return {context.caller.principal.name, {}}; }

}  // namespace rstmdb::api
