// Which answers the contract has for a request: every error of a read has to be one that
// docs/operations.md names for it, and for a reason that this load can give.
#pragma once

#include <cstdint>
#include <optional>

#include "json/document.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

/// Of acts, lists and histories. What the answer says of the state is not looked at.
bool is_explained(const Operation& operation, json::Value response);

/// Of a watch on one instance or on everything; `after`: the offset that it was to go on behind.
bool is_explained_watch(Ask ask, std::optional<uint64_t> after, json::Value response);

/// Of COMPACT.
bool is_explained_compaction(json::Value response);

}  // namespace rstmdb::lin
