// Pages of GET_HISTORY as clients read them.
#pragma once

#include "json/document.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

/// Writes the answer into the last page of the operation, or takes all pages away when there is no
/// such instance. An event that is none of ours stays in, as the registration of a machine.
void take_history_page(json::Value response, Operation& operation);

/// Adds the page behind the last one to what is asked for; false when there is none, or when enough
/// of them have been turned.
bool turn_history_page(Operation& operation);

}  // namespace rstmdb::lin
