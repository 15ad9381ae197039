// Whether a record fits a state: what State::apply takes for granted. A log that this server has
// written always fits; whoever reads bytes of unknown origin (a backup, a folder to be checked)
// asks first, so that a record that contradicts the ones before it is named and aborts nothing.
#pragma once

#include "base/result.h"
#include "engine/record.h"
#include "engine/state.h"

namespace rstmdb::engine {

/// Succeeds exactly when `state.apply(record)` may be called. kInternalError with details
/// code=RECORD_DAMAGED, offset and reason otherwise.
Result<void> fits(const State& state, const Record& record);

}  // namespace rstmdb::engine
