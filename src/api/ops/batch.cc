#include <string>

#include "api/ops/ops.h"
#include "api/ops/write_step.h"
#include "wire/message.h"

namespace rstmdb::api {
namespace {

using P = params::BatchParam;

struct Step {
  const OperationRow* row = nullptr;
  const WriteStep* run = nullptr;
  json::Value params;
};

std::string place(size_t index) { return "ops[" + std::to_string(index) + "]"; }

/// One element of `ops`: an object with the name of an operation that may be in a batch.
Result<Step> read_step(const Context& context, json::Value element, size_t index) {
  const auto refuse = [&](std::string_view field, std::string message) {
    return Error(Code::kBadRequest, std::move(message))
        .with("path", place(index) + std::string(field));
  };
  if (!element.is_object()) return refuse("", "an operation of a batch is an object");
  const json::Value name = element["op"];
  if (!name.is_string()) return refuse(".op", "op must be the name of an operation");
  Step step;
  step.row = find_operation(name.string());
  step.run = step.row == nullptr ? nullptr : write_step_of(step.row->operation);
  if (step.run == nullptr) {
    return refuse(".op", "only CREATE_INSTANCE, APPLY_EVENT and DELETE_INSTANCE may be in a batch");
  }
  RSTMDB_TRY(authorise(*step.row, context.caller));
  step.params = element["params"];
  if (step.params && !step.params.is_object() && !step.params.is_null()) {
    return refuse(".params", "params must be an object");
  }
  if (step.params.is_null()) step.params = {};
  return step;
}

/// Decides one element within `write`. Refuses, before anything happens, what would make the answer
/// too long.
Result<engine::Outcome> decide_step(const Context& context, node::Sequencer::Write& write,
                                    json::Value element, size_t index, size_t& answer_bytes,
                                    const WriteStep*& step_run) {
  RSTMDB_ASSIGN(const Step step, read_step(context, element, index));
  RSTMDB_ASSIGN(const Params params,
                Params::bind(*step.row, step.params, place(index) + ".params."));
  RSTMDB_ASSIGN(engine::Outcome outcome, step.run->decide(write, params));
  if (answer_bytes + outcome.context.size() > limits::kBatchContextBytesMax) {
    return Error(Code::kBadRequest,
                 "the contexts after this batch do not fit into one answer; split the batch")
        .with("path", place(index))
        .with("limit", static_cast<int64_t>(limits::kBatchContextBytesMax));
  }
  answer_bytes += outcome.context.size();
  step_run = step.run;
  return outcome;
}

void write_success(json::Writer& result, const WriteStep& step, const engine::Outcome& outcome) {
  result.open_object().member("status", "ok").key("result").open_object();
  step.answer(result, outcome);
  result.close_object().close_object();
}

void write_refusal(json::Writer& result, const Error& error) {
  result.open_object().member("status", "error").key("error").open_object();
  wire::write_error_members(result, error);
  result.close_object().close_object();
}

/// All or nothing: one unit, one place in the log; the first refusal is the batch's. Returns the
/// offset of the last record written, 0 when none was: everything had been done before.
Result<uint64_t> run_atomic(const Context& context, json::Value ops, json::Writer& result) {
  RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
  size_t index = 0;
  size_t answer_bytes = 0;
  for (json::Value element = ops.first(); element; element = element.next(), ++index) {
    const WriteStep* step = nullptr;
    auto outcome = decide_step(context, write, element, index, answer_bytes, step);
    if (!outcome.ok()) {
      return std::move(outcome).error().with("index", static_cast<int64_t>(index));
    }
    // Answers are written while deciding: a repeated request's first result is a view that folding
    // may move.
    write_success(result, *step, *outcome);
  }
  return write.commit();
}

/// Each for itself, in order; a refusal stops nobody. Returns as above.
Result<uint64_t> run_best_effort(const Context& context, json::Value ops, json::Writer& result) {
  uint64_t last = 0;
  size_t index = 0;
  size_t answer_bytes = 0;
  for (json::Value element = ops.first(); element; element = element.next(), ++index) {
    RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
    const WriteStep* step = nullptr;
    auto outcome = decide_step(context, write, element, index, answer_bytes, step);
    if (outcome.ok() && !write.empty()) {
      auto placed = write.commit();
      if (placed.ok()) {
        last = *placed;
      } else {
        outcome = std::move(placed).error();
      }
    }
    if (outcome.ok()) {
      write_success(result, *step, *outcome);
    } else {
      write_refusal(result, outcome.error());
    }
  }
  return last;
}

}  // namespace

Result<DependsOn> batch(const Context& context, const Params& params, json::Writer& result) {
  const json::Value ops = params.value(P::kOps);
  const bool atomic = params.text(P::kMode) == "atomic";
  result.key("results").open_array();
  RSTMDB_ASSIGN(const uint64_t offset,
                atomic ? run_atomic(context, ops, result) : run_best_effort(context, ops, result));
  result.close_array();
  if (offset != 0) result.member("wal_offset", offset);
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
