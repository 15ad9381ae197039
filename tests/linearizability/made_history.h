// A right history without a server: the same clients' plan, carried out by the model at one moment
// each, in a time of its own, with deaths in between and watchers beside. What the checkers are
// tried on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "linearizability/history.h"

namespace rstmdb::lin {

History made_history(uint64_t seed, size_t operations);

}  // namespace rstmdb::lin
