// Processor time used, in seconds.
#pragma once

namespace rstmdb::bench {

double own_cpu_seconds();
/// User and system time of a process and of the children of its main thread that live; 0 when `pid`
/// is 0. The clock ticks every 10 ms, so it is for measurements of seconds.
double process_cpu_seconds(int pid);

}  // namespace rstmdb::bench
