// How many files this process may have open.
#pragma once

namespace rstmdb::io {

/// Raises the limit to what the system allows without privileges. For programs that hold every
/// segment of a long log open; where it fails, opening a file will say so.
void allow_many_open_files();

}  // namespace rstmdb::io
