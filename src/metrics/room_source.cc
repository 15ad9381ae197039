#include <limits>

#include "metrics/sources.h"

namespace rstmdb::metrics {

void add_disk(Text& text, const node::DiskReserve::Stats& stats) {
  text.gauge("rstmdb_disk_free_bytes", "Free space beside the data; NaN before it could be asked.",
             stats.free_bytes ? static_cast<double>(*stats.free_bytes)
                              : std::numeric_limits<double>::quiet_NaN());
  text.gauge("rstmdb_disk_reserve_bytes", "Free space that writes may not use; 0: none.",
             stats.reserve_bytes);
  text.gauge("rstmdb_disk_reserve_reached", "1 while writes are refused for want of space.",
             uint64_t{stats.refusing});
  text.counter("rstmdb_disk_reserve_reached_total", "How often that has begun.",
               stats.times_entered);
  text.counter("rstmdb_disk_refused_writes_total", "Writes refused for want of space.",
               stats.refused_writes);
}

void add_memory(Text& text, const node::MemoryBound::Stats& stats) {
  text.gauge("rstmdb_memory_used_bytes", "Memory of the process, as last seen.", stats.used_bytes);
  text.gauge("rstmdb_memory_limit_bytes", "From here on the state may not grow; 0: no bound.",
             stats.bound_bytes);
  text.gauge("rstmdb_memory_limit_reached", "1 while writes that need memory are refused.",
             uint64_t{stats.refusing});
  text.counter("rstmdb_memory_limit_reached_total", "How often that has begun.",
               stats.times_entered);
  text.counter("rstmdb_memory_refused_writes_total", "Writes refused for want of memory.",
               stats.refused_writes);
}

}  // namespace rstmdb::metrics
