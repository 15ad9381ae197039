#include "metrics/sources.h"

namespace rstmdb::metrics {

void add_http(Text& text, const http::Door::Stats& stats) {
  text.counter("rstmdb_http_requests_total", "Requests read at the HTTP door.", stats.requests);
  text.counter("rstmdb_http_connections_refused_total", "Connections over the HTTP door's limit.",
               stats.refused);
  text.gauge("rstmdb_http_connections_active", "Connections of the HTTP door now.",
             stats.connections);
}

void add_process(Text& text, const io::ProcessUsage& usage) {
  text.family("process_cpu_seconds_total", Text::Kind::kCounter,
              "User and system time of the processor.")
      .sample(usage.cpu_seconds);
  text.gauge("process_start_time_seconds", "When the process began, since 1970.",
             usage.start_time_seconds);
  text.gauge("process_resident_memory_bytes", "Memory in use.", usage.resident_bytes);
  text.gauge("process_virtual_memory_bytes", "Address space in use.", usage.virtual_bytes);
  text.gauge("process_virtual_memory_max_bytes", "Limit of the address space.",
             usage.virtual_bytes_max);
  text.gauge("process_threads", "Threads.", usage.threads);
  text.gauge("process_open_fds", "Open files and sockets.", usage.open_files);
  text.gauge("process_max_fds", "Limit of open files and sockets.", usage.open_files_max);
}

}  // namespace rstmdb::metrics
