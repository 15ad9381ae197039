// The table of operations, made from protocol/operations.json (tools/generate): what each is
// called, who may use it, and which parameters it takes under which spellings.
#pragma once

#include "api/operation_table.inc"  // IWYU pragma: export

namespace rstmdb::api {

/// The row of an operation by its name on the wire, or null.
const OperationRow* find_operation(std::string_view name);

/// The right as the contract names it.
std::string_view right_name(Access access);

}  // namespace rstmdb::api
