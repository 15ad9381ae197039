// Finds the keys that come more than once in one object.
#pragma once

#include <cstdint>

#include "json/tape.h"

namespace rstmdb::json {

/// Spare bytes that the tape's text must have behind its end: keys are compared eight bytes at
/// once.
inline constexpr size_t kTextSlack = 8;

/// Marks the members of the finished object `object` of which a later one has the same key
/// (Node::repeat); true when there are any. Takes n log n steps for n members, whatever the keys.
bool mark_repeats(Tape& tape, uint32_t object);

}  // namespace rstmdb::json
