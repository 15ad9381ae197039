// Hashes that stand for what an answer or a record says, so that a run of millions of writes can
// remember all of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "crash/history.h"

namespace rstmdb::crash {

/// Of an instance's state and context.
uint64_t view_of(std::string_view state, std::string_view context);
/// Of what a write's success says beside its offset.
uint64_t facts_of(Kind kind, const WriteAnswer& answer);
/// The same of a record: equal to that of the answer which it was acknowledged with.
uint64_t facts_of(const LogRecord& record);

}  // namespace rstmdb::crash
