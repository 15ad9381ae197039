// Mistakes in what GET_HISTORY answers, and errors that the contract does not have.
#pragma once

#include <span>

#include "linearizability/wrong_histories.h"

namespace rstmdb::lin {

std::span<const Mistake> wrong_walks();

}  // namespace rstmdb::lin
