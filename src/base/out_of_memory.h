// What happens when memory runs out: the process ends at once.
//
// Own code does not throw and does not expect exceptions, so one in the middle of a fold or of a
// flush would leave half of it behind, and a library that catches it would have the server go on
// with that. An end in the middle is what the log is made for: it is a kill -9 like any other, and
// the next start has everything that was acknowledged.
#pragma once

namespace rstmdb {

/// From now on an allocation that fails ends the process by SIGABRT, with a line on standard error.
void end_when_out_of_memory();

}  // namespace rstmdb
