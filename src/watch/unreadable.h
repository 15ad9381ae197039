// What somebody who reads the log over the network is told when it cannot be read.
#pragma once

#include <string_view>

#include "base/error.h"

namespace rstmdb::watch {

/// The process lacks descriptors or memory; the bytes may be good, and later be read.
inline constexpr std::string_view kLogUnreadable = "LOG_UNREADABLE";

/// kWalIoError with details code=LOG_DAMAGED, or LOG_UNREADABLE when the reason is a lack that may
/// pass. File, byte and errno are for the operator's eyes: they go to the server's own log, with
/// `reader`, which says for whom it was read. kNotFound, of a place that is trimmed, stays itself.
Error unreadable_for(std::string_view reader, const Error& error);

}  // namespace rstmdb::watch
