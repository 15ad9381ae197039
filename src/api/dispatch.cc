#include "api/dispatch.h"

#include "api/ops/ops.h"
#include "base/check.h"

namespace rstmdb::api {
namespace {

Error unknown_operation(std::string_view name) {
  return Error(Code::kBadRequest, "there is no operation of this name")
      .with("path", "op")
      .with("op", name.substr(0, limits::kNameBytesMax));
}

/// After the log has stopped, an answer may show only what is committed.
Result<void> check_committed(const node::Node& node, uint64_t depends_on) {
  const node::ReleaseGate& gate = node.gate();
  if (gate.failed() && depends_on > gate.committed()) return gate.failure();
  return {};
}

Result<DependsOn> run(const Context& context, const OperationRow* row, std::string_view name,
                      const Given& given, json::Writer& result) {
  if (row == nullptr) return unknown_operation(name);
  RSTMDB_TRY(authorise(*row, context.caller));
  RSTMDB_ASSIGN(const Params bound, Params::bind(*row, given));
  return handler_of(row->operation)(context, bound, result);
}

}  // namespace

Result<void> authorise(const OperationRow& row, const Caller& caller) {
  if (row.access == Access::kNone && row.before_auth == BeforeAuth::kYes) return {};
  if (!caller.authenticated())
    return Error(Code::kUnauthorized, "authenticate with AUTH first").with("op", row.name);
  if (row.access != Access::kNone && caller.rights >= row.access) return {};
  return Error(Code::kUnauthorized, "the caller may not do this")
      .with("op", row.name)
      .with("code", "FORBIDDEN")
      .with("required", right_name(row.access));
}

Answer dispatch(const Context& context, const OperationRow* row, std::string_view name,
                const Given& given, json::Writer& result) {
  Answer answer{run(context, row, name, given, result), {}};
  const uint64_t committed = context.node.gate().committed();
  if (answer.outcome.ok()) {
    auto allowed = check_committed(context.node, answer.outcome->offset);
    if (!allowed.ok()) answer.outcome = std::move(allowed).error();
    return answer;
  }
  const Code code = answer.outcome.error().code();
  const bool shows_state = code == Code::kConflict || code == Code::kInvalidTransition ||
                           code == Code::kGuardFailed || code == Code::kInstanceExists ||
                           code == Code::kInstanceNotFound || code == Code::kMachineNotFound ||
                           code == Code::kMachineVersionExists ||
                           code == Code::kMachineVersionLimitExceeded;
  if (shows_state && context.node.head() > committed) {
    answer.refusal_depends_on.offset = context.node.head();
    auto allowed = check_committed(context.node, context.node.head());
    if (!allowed.ok()) {
      answer.outcome = std::move(allowed).error();
      answer.refusal_depends_on = {};
    }
  }
  return answer;
}

}  // namespace rstmdb::api
