// What this server can do beyond the plain operations; HELLO and INFO name it.
#pragma once

#include <string_view>

namespace rstmdb::api {

inline constexpr std::string_view kFeatures[] = {"idempotency", "batch", "watch", "wal_read"};

}  // namespace rstmdb::api
