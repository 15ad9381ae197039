// The watch commands: a stream on the terminal until the user interrupts it.
#pragma once

#include <functional>

#include "arguments.h"
#include "rstmdb/client.h"

namespace rstmdb::cli {

/// Subscribes as `invocation` says and shows every notification until SIGINT or SIGTERM, which are
/// a good end, until `show` gives false, or an error.
client::Result<void> watch_until_interrupted(
    client::Client& client, const Invocation& invocation,
    const std::function<bool(const client::Notification&)>& show);

}  // namespace rstmdb::cli
