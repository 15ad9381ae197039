// From a request to its answer: the one way for every door.
//
//   name ─► row ─► may this caller? ─► parameters ─► the operation's file ─► members of the result
#pragma once

#include <string_view>

#include "api/context.h"
#include "api/operation.h"
#include "api/params.h"
#include "base/result.h"
#include "json/document.h"
#include "json/writer.h"

namespace rstmdb::api {

/// One operation's code, a file in api/ops. Writes the members of its result, whose object is open.
using Handler = Result<DependsOn> (*)(const Context&, const Params&, json::Writer& result);

/// What happened to a request: written, or refused.
struct Answer {
  Result<DependsOn> outcome;
  /// A refusal may show state, too (`CONFLICT` names the actual state), so it waits like a success.
  DependsOn refusal_depends_on;
};

/// Runs the operation of `row`, or refuses the request when there is none, because `name` is no
/// operation's. On a refusal whatever stands in `result` must be thrown away by the caller.
/// Never throws, never blocks on the network; a read of the log may read the disk.
Answer dispatch(const Context& context, const OperationRow* row, std::string_view name,
                const Given& given, json::Writer& result);

/// Whether `row` may be used by `caller`: the only place where that is decided, for an operation by
/// itself and for each one inside a BATCH. What the row does not allow is refused: kUnauthorized,
/// with detail code FORBIDDEN and the right that is required when the caller has proved who it is.
Result<void> authorise(const OperationRow& row, const Caller& caller);

}  // namespace rstmdb::api
