// The console's files of a build that has none. With RSTMDB_CONSOLE the folder console/ defines the
// function instead.
#ifndef RSTMDB_CONSOLE
#include "http/assets.h"

namespace rstmdb::http {

std::span<const Asset> console_assets() { return {}; }

}  // namespace rstmdb::http
#endif
