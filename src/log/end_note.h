// The file CLOSED in a log's folder: where the log ended when it was last closed.
//
// A log that has lost its end at the border of a group, or its last segment as a whole, is a valid,
// shorter log: nothing in it says that there was more. The note does. It holds, in 64 bytes, the
// header of the segment that would have come next, and it is only ever a lower bound: the log grows
// beyond it, is killed, and the note of the last clean end still stands. A log without a note is as
// good as one with it; releases before it wrote none and do not look at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"
#include "log/segment_format.h"

namespace rstmdb::log {

inline constexpr std::string_view kEndNoteName = "CLOSED";
inline constexpr std::string_view kEndNoteDraftName = "closed.tmp";

/// Puts the note in place, durable; `end` is what is on disk, without the mark of a clean end. The
/// folder has no draft of one.
Result<void> write_end_note(io::FileSystem& files, const std::string& folder, const LogEnd& end);

/// Nothing when there is no note. A note that is none is damage.
Result<std::optional<SegmentHeader>> read_end_note(io::FileSystem& files,
                                                   const std::string& folder);

/// That a log which ends at `end`, in the file `last_file`, is not shorter than the note says. A
/// log without segments has no last file.
Result<void> compare_with_end_note(const SegmentHeader& note, const std::string& folder,
                                   const LogEnd& end, const std::string& last_file);

}  // namespace rstmdb::log
