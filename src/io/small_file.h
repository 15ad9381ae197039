// Reads the few files that are read whole, once, at the start: settings, secrets. Unlike the data
// folder's files these may be symbolic links, as configuration maps make them.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace rstmdb::io {

enum class Readers { kAnyone, kOwnerOnly };

/// The content of the regular file `path`. Fails with kBadRequest (details: file, errno when the
/// system says why) when it cannot be read, is no regular file, is larger than `bytes_max`, or, for
/// kOwnerOnly, gives its group or others any right. Never waits, as a pipe would make it. The
/// checks are made on the open file, so nothing can be put in its place after them.
Result<std::string> read_small_file(const std::string& path, size_t bytes_max, Readers readers);

}  // namespace rstmdb::io
