// What a start from a snapshot says in the log lines.
#pragma once

#include <functional>
#include <string>

#include "node/restore.h"

namespace rstmdb::app {

void report_load(const node::LoadProgress& progress,
                 const std::function<void(const std::string&)>& on_step);
void report_restored(const node::Restored& restored);

}  // namespace rstmdb::app
