#include "api/dispatch.h"

#include <algorithm>

#include "api/ops/ops.h"
#include "base/check.h"

namespace rstmdb::api {
namespace {

Error unknown_operation(std::string_view name) {
  // It may be as long as a frame, and is shown as far as whole characters have room.
  size_t shown = std::min(name.size(), limits::kNameBytesMax);
  while (shown < name.size() && (name[shown] & 0xc0) == 0x80) --shown;
  return Error(Code::kBadRequest, "there is no operation of this name")
      .with("path", "op")
      .with("op", name.substr(0, shown));
}

/// After the log has stopped, an answer may show only what is committed.
Result<void> check_committed(const node::Node& node, uint64_t depends_on) {
  const node::ReleaseGate& gate = node.gate();
  if (gate.failed() && depends_on > gate.committed()) return gate.failure();
  return {};
}

/// The parameters of a request that may be carried out. A refusal is of the request alone.
Result<Params> admit(const Context& context, const OperationRow* row, std::string_view name,
                     const Given& given) {
  if (row == nullptr) return unknown_operation(name);
  RSTMDB_TRY(authorise(*row, context.caller));
  return Params::bind(*row, given);
}

/// Whether what the operation has refused with `code` may show something that is not committed.
bool shows_state(const OperationRow& row, Code code) {
  switch (code) {
    case Code::kMachineNotFound:
    case Code::kMachineVersionExists:
    case Code::kMachineVersionLimitExceeded:
    case Code::kInstanceNotFound:
    case Code::kInstanceExists:
    case Code::kInvalidTransition:
    case Code::kGuardFailed:
    case Code::kConflict:
      return true;
    case Code::kBadRequest:   // for instance how long a context would be
    case Code::kRateLimited:  // for instance that it would be longer than the one before
      return row.access == Access::kWrite;
    case Code::kUnsupportedProtocol:
    case Code::kUnauthorized:
    case Code::kAuthFailed:
    case Code::kNotFound:
    case Code::kWalIoError:
    case Code::kInternalError:
      return false;
  }
  check_failed(__FILE__, __LINE__, "known code", code_name(code));
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
  auto params = admit(context, row, name, given);
  if (!params.ok()) return {std::move(params).error(), {}};
  Answer answer{handler_of(row->operation)(context, *params, result), {}};
  if (answer.outcome.ok()) {
    auto allowed = check_committed(context.node, answer.outcome->offset);
    if (!allowed.ok()) answer.outcome = std::move(allowed).error();
    return answer;
  }
  const uint64_t head = context.node.head();
  if (head > context.node.gate().committed() && shows_state(*row, answer.outcome.error().code())) {
    answer.refusal_depends_on.offset = head;
    auto allowed = check_committed(context.node, head);
    if (!allowed.ok()) {
      answer.outcome = std::move(allowed).error();
      answer.refusal_depends_on = {};
    }
  }
  return answer;
}

}  // namespace rstmdb::api
