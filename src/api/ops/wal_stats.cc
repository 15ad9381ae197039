#include "api/ops/ops.h"

namespace rstmdb::api {

Result<DependsOn> wal_stats(const Context& context, const Params&, json::Writer& result) {
  const log::Stats stats = context.node.log().stats();
  result.member("entry_count", stats.record_count)
      .member("segment_count", stats.segment_count)
      .member("total_size_bytes", stats.total_bytes);
  if (stats.latest_offset > 0) {
    result.member("latest_offset", stats.latest_offset);
  } else {
    result.key("latest_offset").null();
  }
  result.key("io_stats")
      .open_object()
      .member("bytes_written", stats.bytes_written)
      .member("bytes_read", stats.bytes_read)
      .member("writes", stats.writes)
      .member("reads", stats.reads)
      .member("fsyncs", stats.syncs)
      .close_object();
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
