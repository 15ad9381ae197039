// How many files this process may have open.
#pragma once

#include <cstdint>

namespace rstmdb::io {

/// Raises the limit to what the system allows without privileges, and says what it is now. A server
/// needs one for each connection, and whoever reads a long log one for each segment; where there
/// are none left, opening a file or accepting a connection says so.
uint64_t allow_many_open_files();

}  // namespace rstmdb::io
